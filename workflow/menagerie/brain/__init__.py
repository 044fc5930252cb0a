"""From files of datasets to targets: images, responses or RSMs, regions, noise ceilings. No torch."""
