"""A small simulated twin of NSD in NSD's own files."""
