"""What we said and what was answered: the ledger, its spool, its memory and its reports.

SQL stops here. Nothing in this package holds a clinical value, and a patient or user is known by a keyed hash alone.
"""
