"""The tree, printed: handbook pages, schemas for editors, source attributes, and what changed between two contents.

Must not decide anything about a patient.
"""
