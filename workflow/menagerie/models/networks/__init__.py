"""Small networks that no maintained package builds; module names are those of the published checkpoints."""
