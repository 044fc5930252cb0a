"""What files say reaches neither the terminal nor a spreadsheet as a command."""

import pandas as pd
import pytest

from menagerie.brain.formats.csv_files import read_csv
from menagerie.errors import LONGEST, MenagerieError, on_screen
from menagerie.files.csv_cells import harmless, harmless_table
from menagerie.statistics.effects import fit_effects
from menagerie.statistics.formula import check_formula
from menagerie.twins.nsd.twin_command import read_spec


@pytest.mark.parametrize("text", ["\x1b[2J", "\x1b]0;title\x07", "\u202ereversed", "\r", "\x9b31m", "\ud800", "\u2028"])
def test_control_characters_are_escaped(text):
    said = str(MenagerieError(f"found {text}x."))
    assert said.startswith("found \\") and text[0] not in said
    said.encode()


def test_messages_keep_their_words_and_fit_a_screen():
    assert on_screen("Größe 3 µm\n\t网络 a\u200db") == "Größe 3 µm\n\t网络 a\u200db"
    said = str(MenagerieError("file.csv: found " + "x" * 10**6 + ", expected a number. Correct it."))
    assert (
        len(said) < LONGEST and said.startswith("file.csv: found x") and said.endswith("expected a number. Correct it.")
    )


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1+cmd", "@SUM(A1)", " =1", "\uff1d1"])
def test_a_cell_is_no_formula(cell, tmp_path):
    path = tmp_path / "board.csv"
    harmless_table(pd.DataFrame({"model": [cell, "plain"], "score": [-0.5, 1.0]})).to_csv(path, index=False)
    read = pd.read_csv(path)
    assert list(read.model) == [f"'{cell}", "plain"] and list(read.score) == [-0.5, 1.0]
    assert harmless(-1) == -1


def test_a_carriage_return_begins_no_row(tmp_path):
    path = tmp_path / "board.csv"
    harmless_table(pd.DataFrame({"model": ["x\r=1+1", "a\nb"]})).to_csv(path, index=False)
    assert path.read_text().splitlines() == ["model", "x\\x0d=1+1", "a\\nb"]


DATA = pd.DataFrame({"score": [0.1, 0.2, 0.4, 0.3], "task": list("abab"), "model": list("aabb")})
WRONG = [
    "~ task",
    "score ~",
    "score ~ task ~ model",
    "1 ~ task",
    "score task",
    "score ~ 0x1F",
    "score ~ lambda",
    "a + b",
]


@pytest.mark.parametrize(
    "formula", [*WRONG, "score ~ " + "*".join("abcdefghijkl"), "score ~ 1" + "+ 1" * 80, "score ~ (a + b) ** 99"]
)
def test_formulas_that_are_none(formula):
    with pytest.raises(MenagerieError, match=r"found .*(where only|expected)"):
        check_formula(formula)


@pytest.mark.parametrize("formula", ["score ~ 0", "score ~ task | model", "score ~ task +", "score ~ (task"])
def test_formulas_that_cannot_be_fitted(formula):
    with pytest.raises(MenagerieError, match="Formula"):
        fit_effects(DATA, formula)


def test_a_cell_of_any_length(tmp_path):
    path = tmp_path / "t.csv"
    for text in ("a;b,c\n" + "x" * 140_000 + ";1,2\n", "a,b\n1," + "9" * 140_000 + "\n", "a\n" + "x" * 140_000 + "\n"):
        path.write_text(text)
        with pytest.raises(MenagerieError, match=r"t\.csv"):
            read_csv(path)


SPECS = {
    "sessions: two": r"sessions: found 'two', expected a whole number from 1 to 40\. Correct it; docs",
    "subjects: [subj09]": r"subjects\.0: found 'subj09', expected one of subj01",
    "subjects: []": r"subjects: found \[\], expected a list of subjects",
    "seed: -1": "seed: found -1, expected a whole number from 0",
    "drift: x": "drift: found 'x', expected a number",
    "voxels: 1": "voxels: found 1, expected a mapping",
    "voxels: {shape: [1, 2]}": r"voxels\.shape: found \[1, 2\], expected three whole numbers",
    "voxels: {shape: [4, 4, 4]}": r"found \d+ voxels in a volume of 64, expected at most as many\. Enlarge",
    "voxels: {n_otx: 1}": "Did you mean 'n_otc'",
    "planted: {OTC: x}": r"planted\.OTC: found 'x', expected a mapping with model and layer",
    "planted: {OTC: {model: m}}": r"planted\.OTC: found .* expected a mapping with model and layer",
    "- x": r"the top level: found \['x'\], expected keys and values",
    "sesions: 1": "Did you mean 'sessions'",
}


@pytest.mark.parametrize("text", SPECS)
def test_twin_specs(text, tmp_path):
    path = tmp_path / "twin.yaml"
    path.write_text(text)
    with pytest.raises(MenagerieError, match=SPECS[text]):
        read_spec(path)


def test_a_twin_spec_may_be_empty_and_write_whole_numbers_as_it_likes(tmp_path):
    path = tmp_path / "twin.yaml"
    path.write_text("")
    assert read_spec(path)[1]["n_shared"] == 200
    path.write_text("sessions: 2.0\nvoxels: {shape: [30.0, 30, 20], n_otc: 30}\nplanted:\n")
    spec, keys = read_spec(path)
    assert isinstance(spec.sessions, int) and keys["voxels"]["shape"] == [30, 30, 20]
