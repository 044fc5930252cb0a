"""config/README.md says what the schema says, and the schema says what the rules do."""

import re

import pytest
import yaml

from menagerie.brain.readers import reader_module
from menagerie.survey.config import SCHEMA
from menagerie.survey.config_page import PAGE, STAGES, keys, page
from menagerie.survey.contents import Survey

ENTRIES = {key: sub for key, sub, _ in keys(yaml.safe_load(SCHEMA.read_text()))}


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m menagerie.survey.config_page"


# First thing made again by a new value of a key that jobs of that stage take as a param.
@pytest.mark.parametrize(("stage", "word"), [("extract", "geometries"), ("score", "scores"), ("evaluate", "selection")])
def test_keys_that_a_stage_depends_on_say_so(stage: str, word: str) -> None:
    survey = Survey.from_config({"run": "r", "models": ["m"], "datasets": {"d": {"reader": "simulated"}}})
    order = list(STAGES)
    for key in survey.stage_params(stage):
        found = [name for name in ENTRIES[key]["reruns"] if name != "inventories"]
        assert found and order.index(found[0]) <= order.index(word), f"{key} is a param of {word}, but says {found}"


READERS = ENTRIES["datasets.<name>.reader"]["enum"]


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_is_explained_with_all_its_options(root, reader: str) -> None:
    pages = {name: (root / "docs" / f"{name}.md").read_text() for name in ("datasets", "nsd", "laion", "add-a-dataset")}
    assert f"| `{reader}` |" in pages["datasets"]
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", pages["datasets"], re.MULTILINE | re.DOTALL))
    text = sections.get(reader) or pages[{"own": "add-a-dataset", "nsd": "nsd", "laion": "laion"}[reader]]
    missing = [name for name in reader_module(reader).OPTIONS if not re.search(rf"\b{name}\b", text)]
    assert not missing


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
