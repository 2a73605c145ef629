"""Verdicts become CDS Hooks cards for one client. Decides nothing clinical and holds no clinical word or code."""
