"""Facts to verdicts: visitors over the tree. No input, output or framework; the record is reached by two functions."""
