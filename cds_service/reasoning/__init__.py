"""Facts to verdicts: visitors over the tree. No input, no output, no framework; the record is reached by two functions."""
