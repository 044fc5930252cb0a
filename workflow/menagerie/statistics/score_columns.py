"""Columns that a table of scores may bring, by our names (docs/score-tables.md)."""

KEYS = ("subject", "model", "region", "metric", "split", "selected_on")
TEXTS = (*KEYS, "layer", "part")
NUMBERS = (
    *("score", "train_score", "layer_index", "depth", "ci_low", "ci_high", "p"),
    *("noise_ceiling", "ceiling_low", "ceiling_high"),
    *("n_images", "n_units", "n_folds", "fold"),
)
CEILINGS = ("noise_ceiling", "ceiling_low", "ceiling_high")
"""Those of a table of ceilings of its own; the first is needed."""
REQUIRED = ("subject", "model", "region", "metric", "score")
