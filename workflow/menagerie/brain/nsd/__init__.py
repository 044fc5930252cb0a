"""The Natural Scenes Dataset (Allen et al. 2022, doi 10.1038/s41593-021-00962-x): reading, fetching, simulating."""
