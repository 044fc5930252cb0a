"""Where networks run."""

import numpy as np
import pytest
import torch

from menagerie.errors import MenagerieError
from menagerie.features.device import on_gpu, pick_device


@pytest.mark.parametrize(
    ("available", "name", "expected"), [(False, "auto", "cpu"), (True, "auto", "cuda"), (True, "cpu", "cpu")]
)
def test_pick_device(monkeypatch: pytest.MonkeyPatch, available: bool, name: str, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert pick_device(name).type == expected


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MenagerieError, match="sees no GPU"):
        pick_device("cuda")


def test_scoring_on_a_gpu_that_is_not_there_names_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MenagerieError, match="score_on is 'gpu'"):
        on_gpu()


def test_arrays_go_where_scoring_happens() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    moved = on_gpu("cpu")(values)
    assert moved.device.type == "cpu"
    assert moved.dtype == torch.float32
    assert np.array_equal(moved.numpy(), values)
