"""Columns that a table of scores may bring, by our names (docs/score-tables.md)."""

KEYS = ("subject", "model", "region", "metric", "split", "selected_on")
TEXTS = (*KEYS, "layer", "part")
NUMBERS = (
    *("score", "train_score", "layer_index", "depth", "ci_low", "ci_high", "noise_ceiling"),
    *("n_images", "n_units", "n_folds", "fold"),
)
REQUIRED = ("subject", "model", "region", "metric", "score")
