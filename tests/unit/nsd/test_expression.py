"""Region expressions: what they mean, and that nothing but them is understood."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menagerie.brain.voxels.expression import Labels, Truth, evaluate, find_truth, names_in
from menagerie.errors import MenagerieError

NCSNR = np.array([0.1, 0.3, np.nan, 0.5])
STREAMS = Labels(np.array([1, 2, 2, 0]), {"early": 1, "ventral": 2})
FACES = Labels(np.array([0, 1, 2, 2]), {"OFA": 1, "FFA_1": 2})
VALUES = {"ncsnr": NCSNR, "streams": STREAMS, "floc_faces": FACES, "mine": np.array([True, False, False, True])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ncsnr > 0.2", [0, 1, 0, 1]),
        ("0.2 < ncsnr <= 0.3", [0, 1, 0, 0]),
        ("ncsnr >= -1", [1, 1, 0, 1]),
        ("streams in {early, ventral}", [1, 1, 1, 0]),
        ("streams in (ventral,)", [0, 1, 1, 0]),
        ("streams not in [ventral]", [1, 0, 0, 1]),
        ("streams == ventral", [0, 1, 1, 0]),
        ("streams != ventral", [1, 0, 0, 1]),
        ("streams", [1, 1, 1, 0]),
        ("floc_faces in {'FFA-1'}", [0, 0, 1, 1]),
        ("'FFA-1'", [0, 0, 1, 1]),
        ("FFA_1 and not ventral", [0, 0, 0, 1]),
        ("mine or OFA", [1, 1, 0, 1]),
        ("ncsnr > 0.2 and (\n ventral\n or mine)", [0, 1, 0, 1]),
    ],
)
def test_meaning(text, expected):
    assert evaluate(text, VALUES, where="region 'x'").astype(int).tolist() == expected


T, F, U = 1, 0, None  # true, false, unknown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ncsnr > 0.2", [F, T, U, T]),
        ("not ncsnr > 0.2", [T, F, U, F]),
        ("ncsnr != 0.3", [T, F, U, T]),
        ("ncsnr == ncsnr", [T, T, U, T]),
        ("not not ncsnr < 0.2", [T, F, U, F]),
        ("0.2 < ncsnr < 0.4", [F, T, U, F]),
        ("ncsnr > 0.2 or ventral", [F, T, T, T]),
        ("ncsnr > 0.2 and ventral", [F, T, U, F]),
        ("ncsnr > 0.2 and early", [F, F, F, F]),
        ("ncsnr > 0.2 and not ncsnr > 0.2", [F, F, U, F]),
        ("known or ncsnr > 9", [T, F, U, T]),
        ("not earlier", [F, T, U, U]),
        ("earlier and ncsnr > 0.2", [F, F, U, U]),
    ],
)
def test_a_value_that_is_nan_leaves_it_unknown(text, expected):
    """Kleene's tables; the earlier region is unknown for the last two voxels."""
    earlier = Truth(np.array([True, False, False, False]), np.array([False, True, False, False]))
    values = VALUES | {"earlier": earlier, "known": VALUES["mine"]}
    truth = find_truth(text, values, where="region 'x'")
    found = [T if holds else F if fails else U for holds, fails in zip(truth.holds, truth.fails, strict=True)]
    assert found == expected
    assert evaluate(text, values, where="region 'x'").tolist() == [value is T for value in expected]
    assert not (truth.holds & truth.fails).any()


@pytest.mark.parametrize(
    "text",
    [
        "0 < 1",
        "0.1 == 0.1",
        "ncsnr > 0.2 and 1 < 2",
        "__import__('os').system('true')",
        "ncsnr.max() > 1",
        "ncsnr[0] > 1",
        "ncsnr + 1 > 1",
        "(lambda: 1)",
        "[x for x in streams]",
        "ncsnr > 0.2 if mine else OFA",
        "ncsnr is 3",
        "f'{ncsnr}'",
        "mine := 1",
        "1 < 2 < ventral",
        "True",
        "0.5",
        "ncsnr",
        "streams in ventral",
        "streams in {1, 2}",
        "ncsnr in {ventral}",
        "streams > 1",
        "mine > 1",
        "",
        "ncsnr >",
        "not " * 2000 + "mine",
        "not " * 990 + "mine",
        "(" * 300 + "mine" + ")" * 300,
        3,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(MenagerieError, match="region 'x'"):
        evaluate(text, VALUES, where="region 'x'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ncsnr + 1 > 1", r"'ncsnr \+ 1' is not allowed here"),
        ("ncsnr > True", "'True' is not allowed here"),
        ("0.5", r"'0\.5' is not allowed here"),
        ("ncsnr is 3", "'ncsnr is 3' is not allowed here"),
        ("streams in ventral", "'streams in ventral' is not allowed here"),
        ("(ncsnr + 1) in {ventral}", r"'ncsnr \+ 1 in \{ventral\}' is not allowed here"),
        ("streams in {1, 2}", "'1' is not allowed here"),
        ("ncsnr in {ventral}", "'ncsnr' has no labels"),
        ("ncsnr", "'ncsnr' is a number"),
        ("streams > 1", "'streams' holds labels"),
        ("mine > 1", "'mine' holds labels"),
        ("0 < 1", "'0 < 1' compares two numbers"),
    ],
)
def test_the_part_at_fault_is_named(text, message):
    with pytest.raises(MenagerieError, match=f"region 'x': {message}"):
        evaluate(text, VALUES, where="region 'x'")


def test_long_texts_are_cut_in_messages_and_longer_ones_are_refused():
    for n, shown in ((72, 72 * "x"), (73, 69 * "x" + "...")):  # 80 characters in all
        with pytest.raises(MenagerieError, match=f"region 'x': 'ncsnr = {re.escape(shown)}' is not an expression"):
            evaluate(f"ncsnr = {n * 'x'}", VALUES, where="region 'x'")
    assert evaluate("mine".ljust(4000), VALUES, where="region 'x'").any()
    with pytest.raises(MenagerieError, match="up to 4000 characters"):
        evaluate("mine".ljust(4001), VALUES, where="region 'x'")


def test_numbers_beyond_floats():
    assert evaluate(f"ncsnr < {'9' * 400}", VALUES, where="r").tolist() == [True, True, False, True]
    assert not evaluate(f"ncsnr < -{'9' * 400}", VALUES, where="r").any()


def test_unknown_name_and_the_nearest():
    with pytest.raises(MenagerieError, match=r"'ncsrn'.*Did you mean 'ncsnr'"):
        evaluate("ncsrn > 0.2", VALUES, where="region 'x'")
    with pytest.raises(MenagerieError, match=r"label of streams.*'ventrl'.*Did you mean 'ventral'"):
        evaluate("streams in {ventrl}", VALUES, where="region 'x'")


def test_a_label_of_two_volumes_must_say_which():
    values = {"a": Labels(np.array([1]), {"x": 1}), "b": Labels(np.array([1]), {"x": 1})}
    with pytest.raises(MenagerieError, match="in several volumes"):
        evaluate("x", values, where="region")
    assert evaluate("a in {x}", values, where="region").tolist() == [True]


def test_names_are_listed_once():
    found = names_in("ncsnr > 0.2 and streams in {ventral, 'FFA-1'} and ncsnr < 1", where="r")
    assert sorted(found) == ["FFA_1", "ncsnr", "streams", "ventral"]


@settings(deadline=None, max_examples=60)  # a busy machine must not fail it
@given(st.text(max_size=40))
def test_any_text_gives_a_mask_or_a_clear_error(text):
    try:
        mask = evaluate(text, VALUES, where="region 'x'")
    except MenagerieError:
        return
    assert mask.dtype == bool
    assert mask.shape == (4,)
