"""Preflight: what would stop a run, told in seconds, before hours are spent.

``python -m menagerie.survey.check [config] [--profile FOLDER]``, or ``make check``.
"""
