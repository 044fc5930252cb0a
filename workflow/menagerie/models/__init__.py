"""Models: the table of models, who builds them, their weights, and the transform that images go through."""
