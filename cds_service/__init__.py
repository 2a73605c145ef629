"""A CDS Hooks service for sore, tired, heavy or swollen legs: knowledge + record -> reasoning -> cards."""
