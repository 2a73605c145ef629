"""The command line, a module for each group of commands. Words and wiring; the work is done elsewhere."""
