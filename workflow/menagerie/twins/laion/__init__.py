"""A small simulated twin of LAION-fMRI in the dataset's own files."""
