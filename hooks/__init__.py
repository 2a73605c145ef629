"""Marks this folder as the package `cds_service.hooks`, so that content ships in the wheel. Data, no code."""
