"""Which layers a config selects."""

from __future__ import annotations

import time
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menagerie.files.inventory import LayerInfo
from menagerie.files.layer_patterns import _TOKENS, _compiled, choose_layers, find_layers, selection_of, unmatched


def inventory(*layers: str) -> list[LayerInfo]:
    """Layers by name; further names of a layer after slashes."""
    names = [layer.split("/") for layer in layers]
    return [LayerInfo(i, own, "", (3,), 3, 0.0, aliases=tuple(others)) for i, (own, *others) in enumerate(names)]


def chosen(layers: list[LayerInfo], selection) -> list[str]:
    return [layer.layer for layer in choose_layers(layers, selection)]


def test_halves_and_numbers() -> None:
    layers = inventory(*"abcdefghij")
    assert chosen(layers, "all") == list("abcdefghij")
    assert chosen(layers, "second_half") == list("fghij")
    assert chosen(layers, 4) == ["a", "d", "g", "j"]
    assert chosen(layers, 1) == ["a"] and chosen(layers, 99) == list("abcdefghij")
    assert chosen([], 3) == []


def test_stars_stay_within_parts_and_double_stars_cross() -> None:
    layers = inventory("stem", "blocks.0", "blocks.0.mlp", "blocks.1", "blocks.10", "head")
    assert chosen(layers, ["blocks.?", "head"]) == ["blocks.0", "blocks.1", "head"]
    assert chosen(layers, ["blocks.*"]) == ["blocks.0", "blocks.1", "blocks.10"]
    assert chosen(layers, ["blocks.**"]) == ["blocks.0", "blocks.0.mlp", "blocks.1", "blocks.10"]
    assert chosen(layers, ["**.mlp", "blocks.[!0]"]) == ["blocks.0.mlp", "blocks.1"]


def test_a_layer_is_found_under_any_of_its_names() -> None:
    # EfficientNet: the last module of a stage returns the very tensor that the stage returns.
    layers = inventory("conv_stem", "blocks.3.0", "blocks.3.2.bn3.drop/blocks.3.2/blocks.3", "head/output")
    assert chosen(layers, ["conv_stem", "blocks.?"]) == ["conv_stem", "blocks.3.2.bn3.drop"]
    assert chosen(layers, ["blocks.3"]) == chosen(layers, ["blocks.3.2"]) == ["blocks.3.2.bn3.drop"]


def test_names_of_the_inventory_match_themselves() -> None:
    names = ["layer.0.attention[0]", "layer.0.attention0", "relu#2", "output[a.b]", "odd*name", "x[!0]"]
    layers = inventory(*names)
    for name in names:
        assert chosen(layers, [name]) == [name]


def test_brackets_belong_to_the_name_where_a_name_fits_so() -> None:
    layers = inventory("layer.0.attention[0]", "layer.0.attention[1]", "layer.0.attention0", "layer.1.attention[0]")
    assert chosen(layers, ["layer.*.attention[0]"]) == ["layer.0.attention[0]", "layer.1.attention[0]"]
    assert chosen(layers, ["layer.[01].attention[*]"]) == []  # read as choices, no name ends in a star
    assert chosen(inventory("layer.0", "layer.1", "layer.2"), ["layer.[02]"]) == ["layer.0", "layer.2"]


def test_patterns_without_a_layer_are_told() -> None:
    layers = inventory("stem", "blocks.0")
    assert unmatched(layers, ["stem", "bocks.*", "[z-a]"]) == ["bocks.*", "[z-a]"]
    assert unmatched(layers, "all") == unmatched(layers, 3) == []
    assert find_layers(layers, ["stem", "b*"]) == {"stem": {0}, "b*": set()}


@pytest.mark.parametrize(
    ("model", "expected"),
    [("resnet18", ["b"]), ("resnet50", ["a"]), ("resnet_mine", ["c"]), ("vit", "second_half")],
)
def test_a_selection_for_each_model(model: str, expected) -> None:
    layers = {"default": "second_half", "resnet?*0": ["a"], "resnet*": ["c"], "resnet18": ["b"]}
    assert selection_of(layers, model) == expected


def test_models_beside_a_mapping_take_all() -> None:
    assert selection_of({"resnet*": 3}, "vit") == "all"
    assert selection_of(["a"], "vit") == ["a"]


def plain(name: str, pattern: str, choices: bool) -> bool:
    """What patterns mean, tried out in every way."""
    tokens = [(token.lastgroup, token[0]) for token in _TOKENS.finditer(pattern)]

    @lru_cache(None)
    def fits(i: int, j: int) -> bool:
        if j == len(tokens):
            return i == len(name)
        kind, text = tokens[j]
        inside = i < len(name) and name[i] != "."
        if kind == "cross":
            return fits(i, j + 1) or (i < len(name) and fits(i + 1, j))
        if kind == "star":
            return fits(i, j + 1) or (inside and fits(i + 1, j))
        if kind == "one":
            return inside and fits(i + 1, j + 1)
        if kind == "choice" and choices:
            negated = text[1] == "!"
            return inside and ((name[i] in text[1 + negated : -1]) != negated) and fits(i + 1, j + 1)
        return name.startswith(text, i) and fits(i + len(text), j + 1)

    return fits(0, 0)


pieces = st.sampled_from(["a", "b", ".", "*", "**", "?", "[ab]", "[!a]", "a", "b"])


@settings(deadline=None, max_examples=400)
@given(st.lists(pieces, max_size=9).map("".join), st.text("aab.b[]", max_size=12), st.booleans())
def test_expressions_mean_what_patterns_mean(pattern: str, name: str, choices: bool) -> None:
    assert bool(_compiled(pattern, choices).fullmatch(name)) == plain(name, pattern, choices)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*".join("abcdefghijkl" * 3), "abcdefghijk" * 60),
        ("*".join("a" * 40) + "b", "a" * 700),
        ("**".join("a" * 40) + "b", "a" * 700),
        ("**".join(["a*a*a"] * 12) + "b", "a" * 700),
        ("?" * 100 + "*" * 100 + "b", "a" * 700),
        ("[ab]*" * 50 + "c", "ab" * 350),
    ],
)
def test_no_pattern_takes_long(pattern: str, name: str) -> None:
    start = time.perf_counter()
    assert find_layers(inventory(name), [pattern]) == {pattern: set()}
    assert time.perf_counter() - start < 1
