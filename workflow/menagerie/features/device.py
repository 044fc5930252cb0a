"""Where networks run."""

from __future__ import annotations

import torch

from menagerie.errors import MenagerieError


def pick_device(name: str) -> torch.device:
    """Device of the config key ``device``: ``auto`` takes a GPU where there is one.

    Raises
    ------
    MenagerieError
        When a GPU is asked for and torch sees none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise MenagerieError(
            "Config key device is 'cuda', but torch sees no GPU on this machine. "
            "Ask the cluster for one (resources of the rule extract_geometry), or set device to 'auto' or 'cpu'."
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")
