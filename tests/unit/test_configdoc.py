"""config/README.md says what the schema says, and the schema says what the rules do."""

import pytest
import yaml

from menagerie.configdoc import PAGE, STAGES, keys, page
from menagerie.survey import SCHEMA, Survey

ENTRIES = {key: sub for key, sub, _ in keys(yaml.safe_load(SCHEMA.read_text()))}


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m menagerie.configdoc"


# First thing made again by a new value of a key that jobs of that stage take as a param.
@pytest.mark.parametrize(("stage", "word"), [("extract", "geometries"), ("score", "scores"), ("evaluate", "selection")])
def test_keys_that_a_stage_depends_on_say_so(stage: str, word: str) -> None:
    survey = Survey.from_config({"run": "r", "models": ["m"], "datasets": {"d": {"reader": "simulated"}}})
    order = list(STAGES)
    for key in survey.stage_params(stage):
        found = [name for name in ENTRIES[key]["reruns"] if name != "inventories"]
        assert found and order.index(found[0]) <= order.index(word), f"{key} is a param of {word}, but says {found}"


def test_keys_that_no_stage_takes_make_nothing_again() -> None:
    assert [key for key, sub in ENTRIES.items() if sub.get("reruns") == []] == [
        "downloads.mirror",
        "downloads.proxy",
        "missing_weights",
        "images.batch_size",
        "memory_budget_mb",
        "device",
        "score_on",
    ]
