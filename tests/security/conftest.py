"""A pickle that would leave a file behind."""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Bomb:
    """Whoever unpickles it creates ``sentinel``."""

    sentinel: Path

    def __reduce__(self):
        return os.mkdir, (str(self.sentinel),)


@pytest.fixture
def bomb(tmp_path):
    """The object; after the test its sentinel must be absent."""
    armed = Bomb(tmp_path / "the code of a file ran")
    yield armed
    assert not armed.sentinel.exists()


@pytest.fixture
def bomb_bytes(bomb) -> bytes:
    return pickle.dumps(bomb, protocol=2)
