"""Models small enough for unit tests."""

import pytest

from menagerie.models.registry import ModelSpec, read_registry


@pytest.fixture(scope="session")
def registry(root) -> dict[str, ModelSpec]:
    """The model table of the repository."""
    return read_registry(root / "config/models.tsv")


@pytest.fixture
def small() -> ModelSpec:
    """An untrained network with 0.5 million parameters."""
    return ModelSpec("small_random", "timm", "test_resnet", "random", training="random")
