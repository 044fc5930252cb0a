"""From the config to what a run consists of, what it will cost, and what would stop it."""
