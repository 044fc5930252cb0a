"""Files of a user's own dataset: images, responses, units; read, checked, and looked at before a run."""
