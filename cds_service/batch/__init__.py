"""Many patients at once: a rule's own cases, and a population in retrospect."""
