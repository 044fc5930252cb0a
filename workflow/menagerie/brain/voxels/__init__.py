"""Voxels of volumes on one grid: reading, z-scores, and regions by expressions or masks; for every dataset of fMRI."""
