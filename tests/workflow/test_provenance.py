"""Readers refuse tables that do not belong to the run, and only those."""

from __future__ import annotations

import pytest

from menagerie.files.tables import read_provenance

pytestmark = pytest.mark.workflow


def test_a_change_of_part_of_the_run_is_not_refused(analysed, finished) -> None:
    """Tables of before and after stand side by side where the change does not concern them."""
    kept = "scores/test_vit_random/layers.parquet"
    assert (analysed.results / kept).read_bytes() == (finished.results / kept).read_bytes()
    for table in ("tables/model_scores", "experiments/training/effects", "experiments/overall/data"):
        made = read_provenance(analysed.results / f"{table}.parquet")
        assert (
            set(made["weights"])
            == set(made["code"]["extract_geometry"])
            == {"test_vit_random", "timm__test_vit2_random"}
        )
    assert analysed.planned() == {}
