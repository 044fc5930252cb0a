"""Text in parameters that Snakemake's report shows."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from menagerie.files.param_text import from_param, to_param

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_round_trip_without_a_character_of_markup(value):
    text = to_param(value)
    assert from_param(text) == value
    assert not set("<>&'") & set(text) and text.isascii() and json.loads(text) == value
