"""config/README.md says what the schema says."""

import yaml

from menagerie.configdoc import EFFECTS, PAGE, keys, page
from menagerie.survey import SCHEMA


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m menagerie.configdoc"


def test_every_effect_belongs_to_a_key() -> None:
    known = {key for key, _, _ in keys(yaml.safe_load(SCHEMA.read_text()))}
    assert set(EFFECTS) <= known
