"""Menagerie: deep vision networks as model organisms, compared with brains."""

__version__ = "0.1.0"
