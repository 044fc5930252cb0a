"""Simulated twins of datasets, in the datasets' own files."""
