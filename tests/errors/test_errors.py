"""Every wrong input gets a message that names the place, what was found, what was expected, and what to do."""

import os
import re
from pathlib import Path

import pytest

from . import config, experiments, images, models, responses, rsms, splits, weights
from .case import Case

AREAS = {
    "Configs": config.CASES,
    "Models": models.CASES,
    "Weights": weights.CASES,
    "Images": images.CASES,
    "Responses": responses.CASES,
    "RSMs": rsms.CASES,
    "Splits": splits.CASES,
    "Experiments": experiments.CASES,
}
ALL = [pytest.param(case, id=f"{area}: {case.wrong}") for area, cases in AREAS.items() for case in cases]
PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
REWRITE = "MENAGERIE_WRITE_ERRORS"
HEAD = """# Wrong inputs, and what Menagerie says

Every message names the file or key, what was found, what was expected, and what to do. `tests/errors` makes each of
these mistakes and reads its message; this page is written from there by
`MENAGERIE_WRITE_ERRORS=1 python -m pytest tests/errors`. `mine` stands for your folder.

What you see, and the exit code:

- a mistake in the config or in a table that it names stops `snakemake` before any job: the message, exit code 1;
- a config that is missing or cannot be read: Snakemake itself meets it, before anything of Menagerie's runs. With
  `--logger menagerie` you see the message below; without it Snakemake's own words, a traceback where the file is
  missing, whose last line names it. `make check CONFIG=...` tells it either way;
- a job that meets a bad file fails alone: its message on the terminal and in its log; the others go on, exit code 1;
- `python -m menagerie...` prints the message and exits with 2;
- any other traceback is a mistake of Menagerie's: please report it.

Images are not refused for a form that leaves no choice: grey is repeated in three channels, 16-bit grey is divided by
257 and 16-bit colour cut to its upper 8 bits, palettes are looked up, CMYK is converted without ink profile, an opaque
alpha channel is dropped, the first picture of a camera's MPO file is taken, its orientation is followed, and sizes may
differ.
"""


def plain(text: str) -> str:
    """Text without its numbers: how many models and keys there are may change."""
    return re.sub(r"\d+", "0", text)


def essence(message: str) -> str:
    """A message without the list of known names, likewise."""
    return plain(message.partition(" Known:")[0])


def row(case: Case, folder: Path) -> str:
    message = case.message(folder).replace("|", "\\|")
    return f"| {case.wrong} | {message} |\n"


@pytest.mark.parametrize("case", ALL)
def test_the_message_has_four_parts(case: Case, tmp_path: Path):
    message = case.message(tmp_path)
    missing = [part for part in (case.where, case.found, case.expected, case.remedy) if part not in message]
    assert not missing, f"{message!r} lacks {missing}"
    assert essence(message) in plain(PAGE.read_text(encoding="utf-8").replace("\\|", "|")) or REWRITE in os.environ


def test_the_page_has_all_and_no_other(tmp_path_factory: pytest.TempPathFactory):
    if REWRITE in os.environ:
        page = HEAD
        for area, cases in AREAS.items():
            page += f"\n## {area}\n\n| wrong | message |\n| --- | --- |\n"
            page += "".join(row(case, tmp_path_factory.mktemp("case")) for case in cases)
        PAGE.write_text(page, encoding="utf-8")
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    told = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    expected = [case.wrong for cases in AREAS.values() for case in cases]
    assert [text for text in told if text not in ("wrong", "---")] == expected
    assert len(expected) >= 40
