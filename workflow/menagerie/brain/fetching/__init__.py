"""Fetching parts of public buckets: unsigned requests, sizes first, resumed, every file checked."""
