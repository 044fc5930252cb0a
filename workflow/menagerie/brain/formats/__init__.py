"""Formats of data files: arrays, tables, HDF5 and MATLAB; what is in them is for others to know."""
