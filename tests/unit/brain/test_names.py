"""Order and identity of names: natural, without case, in one Unicode form."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menagerie.brain import names
from menagerie.errors import MenagerieError


def order(*given):
    return names.natural_order(given, "here", "Write images.csv.")


@pytest.mark.parametrize(
    "ordered",
    [
        ["pic1.png", "pic2.png", "pic10.png"],
        ["a.png", "B.png", "c.png"],
        ["Apple.png", "banana.png", "Cherry.png"],
        ["house.png", "house 2.png", "house-3.png"],
        ["1.png", "02.png", "10.png"],
        ["x1y2.png", "x1y10.png", "x2y1.png"],
        ["pic.1", "pic.2", "pic.10"],
        ["٢.png", "10.png"],  # an Arabic 2
        ["a.png", "a².png"],  # a superscript is no digit
    ],
)
def test_numbers_are_numbers_and_case_does_not_count(ordered):
    assert order(*reversed(ordered)) == ordered


@pytest.mark.parametrize("pair", [("pic1.png", "pic01.png"), ("A.png", "a.png"), ("x.png", "x.jpg")])
def test_only_what_could_come_in_two_orders_is_refused(pair):
    with pytest.raises(MenagerieError, match=r"order of .* is ambiguous.*Write images\.csv"):
        order(*pair)


@given(st.lists(st.text(max_size=12), max_size=8, unique=True))
def test_any_names_are_ordered_or_refused(given_names):
    try:
        found = order(*given_names)
    except MenagerieError:
        return
    assert sorted(found) == sorted(given_names)
    assert found == order(*reversed(given_names))


def test_another_usual_order_is_told():
    (remark,) = names.order_remark(["pic1", "pic2", "pic10"], "r.npy")
    assert "'pic10' would stand where 'pic2' does" in remark.text and "images.csv" in remark.advice
    assert names.order_remark(["pic01", "pic02", "pic10"], "r.npy") == []
    assert names.order_remark(["b", "a"], "r.npy") == [], "an order that someone wrote down is meant"


def test_an_image_is_known_by_id_file_name_or_path():
    known = ["house", "pic.2", unicodedata.normalize("NFC", "Bär"), "a"]
    assert names.positions(["house.png", "data/images/house.JPG", r"C:\lab\house.png", " house "], known) == [0] * 4
    assert names.positions([unicodedata.normalize("NFD", "Bär"), "pic.2", "pic.2.png"], known) == [2, 1, 1]
    assert names.positions(["a.1", "House", "pic"], known) == [-1, -1, -1]


def test_pairs_by_order_show_both_ends():
    text = str(names.pairs_by_order([f"i{k}" for k in range(9)], "r.npy"))
    assert "row 1 i0, row 2 i1, row 3 i2, ..., row 7 i6, row 8 i7, row 9 i8" in text


@pytest.mark.parametrize(
    "name", ["Thumbs.db", "thumbs.DB", "desktop.ini", ".DS_Store", "._a.png", ".ipynb_checkpoints"]
)
def test_files_of_the_system(name):
    assert names.is_system_file(name) and not names.is_system_file("a.png")
