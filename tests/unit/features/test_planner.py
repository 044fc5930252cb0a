"""Plans cover every feature once and stay within the budget, whatever the network."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menagerie.errors import MenagerieError
from menagerie.features.accumulate import working_bytes
from menagerie.features.planner import MINIMAL_WIDTH, Planner
from menagerie.features.projection import matrix_bytes
from menagerie.files.inventory import LayerInfo

MIB = 2**20


def network(sizes: list[int]) -> list[LayerInfo]:
    return [LayerInfo(index, f"layer{index}", "Conv2d", (size,), size, 0.0) for index, size in enumerate(sizes)]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 3_000_000), min_size=1, max_size=12),
    st.integers(3, 300),
    st.integers(1, 500),
    st.integers(1, 400),
)
def test_every_feature_once_and_within_budget(sizes, n_images, n_projections, extra):
    narrow = 4 * n_images * (n_projections + MINIMAL_WIDTH) + 4 * max(sizes)
    planner = Planner(n_images, n_projections, (working_bytes(n_images) + narrow) * 4 // 3 + 4 + extra * MIB)
    passes = planner.passes(network(sizes))
    units = [unit for units in passes for unit in units]
    assert [unit.info.index for unit in units] == sorted(unit.info.index for unit in units)
    for index, size in enumerate(sizes):
        own = [unit for unit in units if unit.info.index == index]
        assert [own[0].start, *(unit.stop for unit in own)] == [*(unit.start for unit in own), size]
        assert [unit.project for unit in own] == [True] + [False] * (len(own) - 1)
        assert [unit.last for unit in own] == [False] * (len(own) - 1) + [True]
    for units in passes:
        features = sum(unit.width + n_projections * unit.project for unit in units) * 4 * n_images
        features += sum(4 * unit.info.n_features for unit in units if unit.project)
        matrices = {unit.info.n_features for unit in units if unit.project}
        kept = [matrix_bytes(size, n_projections) for size in matrices]
        kept = sum(size for size in kept if size <= planner.matrix_capacity)
        assert features + kept + working_bytes(n_images) <= planner.memory_budget


def test_one_pass_where_the_budget_allows():
    assert len(Planner(100, 50, 2**30).passes(network([10_000] * 20))) == 1


def test_passes_are_as_few_as_the_budget_allows():
    layers = network([500_000, 2_000_000, 30_000, 1_500_000])
    planner = Planner(100, 50, 800 * MIB)
    features = sum(info.n_features for info in layers)
    least = -(-4 * (101 * features + 100 * 50 * len(layers)) // planner.room)
    assert len(planner.passes(layers)) == least


def test_budget_too_small_names_one_that_suffices():
    with pytest.raises(MenagerieError, match="Give at least") as caught:
        Planner(1000, 5920, 50 * MIB).passes(network([4000]))
    least = int(str(caught.value).split("at least ")[1].split()[0]) + 1
    assert Planner(1000, 5920, least * MIB).passes(network([4000]))
