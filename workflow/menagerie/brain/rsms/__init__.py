"""RSMs and RDMs that a user has measured: their files, values, subjects and noise ceilings."""
