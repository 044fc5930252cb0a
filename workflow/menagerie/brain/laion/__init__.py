"""LAION-fMRI (ViCCo group, 2026; 7T, five people, 25,052 images): reading, splits, fetching."""
