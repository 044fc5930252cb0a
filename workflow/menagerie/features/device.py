"""Where networks run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
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


def device_name(device: torch.device | str) -> str:
    """``cpu``, or the kind of the GPU, as provenance names it."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if torch.device(device).type == "cuda" else "cpu"


def on_gpu(device: str = "cuda") -> Callable[[np.ndarray], torch.Tensor]:
    """What puts a numpy array onto the GPU, for scoring there (config key ``score_on``).

    Raises
    ------
    MenagerieError
        When torch sees no GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise MenagerieError(
            "Config key score_on is 'gpu', but torch sees no GPU on this machine. "
            "Ask the cluster for one (gres of the rule score in profiles/slurm), or set score_on to 'cpu'."
        )
    return partial(torch.asarray, device=device)
