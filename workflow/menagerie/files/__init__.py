"""Files that pass between stages, and how they are written."""
