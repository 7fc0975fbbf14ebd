"""Leads from a CSV file: the file, its records and columns, storing them, and what is rejected."""
