"""Where networks run."""

import pytest
import torch

from menagerie.errors import MenagerieError
from menagerie.features.device import pick_device


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
