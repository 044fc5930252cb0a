"""Preflight: what would stop a run, told in seconds, before hours are spent.

``python -m menagerie.check [config] [--profile FOLDER]``, or ``make check``.
"""
