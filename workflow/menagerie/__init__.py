"""Menagerie: deep vision networks as model organisms, compared with brains."""

import os
import sys

__version__ = "0.1.0"

if "MENAGERIE_JOB" in os.environ:  # a job stopped by Ctrl-C while it imports has nothing to add to the run's own words
    _hook = sys.excepthook
    sys.excepthook = lambda kind, *rest: None if issubclass(kind, KeyboardInterrupt) else _hook(kind, *rest)
