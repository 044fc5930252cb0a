"""The page in a headless Chromium: no errors, the table works, also without a mouse, nothing is too wide."""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "figures"))
import synthetic
from browser import ABSENT, ENTER, TAB, Browser

from menagerie.figures import style
from menagerie.figures.leaderboard import leaderboard
from menagerie.figures.leaderboard_table import leaderboard_table
from menagerie.report import ReportExperiment, ReportFigure, render_report
from menagerie.report.templates import TEMPLATES
from menagerie.statistics.contrasts import experiment_data, experiment_effects, join_metadata
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.variation import overall_effects

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=ABSENT)
NAMES = "return [...document.querySelectorAll('#board tbody th')].map((cell) => cell.title)"
SET = (
    "const f = document.getElementById('controls'); f.elements[{!r}].value = {!r}; f.dispatchEvent(new Event('input'));"
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    models = synthetic.models(9)
    layers, scores = synthetic.scores(9, n_layers=4, regions=("early", "late"), metrics=("crsa", "versa"))
    more_layers, more = synthetic.scores(9, n_layers=4, regions=("IT",), metrics=("crsa",), dataset="sim", n_subjects=1)
    layers, scores = pd.concat([layers, more_layers]), pd.concat([scores, more])
    svg, _ = style.save(leaderboard(scores, models, "nsd"), tmp_path_factory.mktemp("browser") / "leaderboard_nsd")
    entry = {
        "title": "Training",
        "factor": "training",
        "reference": "random",
        "constant": [],
        "analyses": [{"analysis": "sound", "formula": "score ~ training", "unit": "model"}],
    }
    experiment, joined = Experiment.from_entry("training_of_networks", entry), join_metadata(scores, models)
    data = experiment_data(experiment, joined)
    return {
        "run": "browser",
        "layer_scores": layers,
        "model_scores": scores,
        "models": models,
        "figures": [ReportFigure("Leaderboard", svg, TEMPLATES / "leaderboard.rst", "nsd", svg)],
        "datasets": {"nsd": {"simulated": "no"}, "sim": {"simulated": "yes"}},
        "provenance": {"versions": {"numpy": "2.1"}},
        "experiments": [ReportExperiment(experiment, data, experiment_effects(experiment, data))],
        "overall": overall_effects(joined, n_resamples=100),
    }


@pytest.fixture(scope="module")
def page(inputs, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render_report(**inputs), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def window():
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(window, page):
    window.open(page)
    yield window
    assert window.messages() == []


@pytest.fixture
def first(inputs):
    board = leaderboard_table(inputs["model_scores"], inputs["models"], "nsd")
    return board[(board["region"] == "early") & (board["metric"] == "crsa")]


def press_head(browser, column):
    browser.run(f"document.querySelectorAll('#board thead button')[{column}].click()")
    return browser.run(NAMES)


def choose(browser, name, value):
    browser.run(SET.format(name, value))
    return browser.run(NAMES)


def test_the_board_sorts(browser, first):
    assert browser.run(NAMES) == list(first["model"])
    assert press_head(browser, 2) == list(first["model"])
    sorts = "return [...document.querySelectorAll('#board thead th')].map((head) => head.getAttribute('aria-sort'))"
    assert browser.run(sorts)[:4] == [None, None, "descending", None]
    assert press_head(browser, 2) == list(first["model"])[::-1]


def test_the_board_filters_and_searches(browser, first):
    assert choose(browser, "training", "random") == list(first.loc[first["training"] == "random", "model"])
    choose(browser, "training", "")
    assert choose(browser, "search", "model_007") == ["model_007"]
    assert browser.run("return document.getElementById('shown').textContent") == "1 of 9 models"
    assert choose(browser, "search", "nothing like it") == []
    choose(browser, "search", "")
    assert len(choose(browser, "dataset", "sim")) == 9
    assert browser.run("return document.getElementById('controls').elements.region.value") == "IT"


def test_the_download_holds_numbers(browser, first):
    """Cells of the page are text ("61 %", a minus sign); a program reads the file."""
    keep = (
        "const parts = []; window.Blob = class extends Blob { constructor(p, o) { super(p, o); parts.push(...p); } };"
    )
    text = browser.run(keep + "document.getElementById('download').click(); return parts.join('')")
    found = pd.read_csv(io.StringIO(text))
    assert list(found["model"]) == list(first["model"])
    for name in ("score", "ci_low", "ci_high", "score_min", "explained", "depth"):
        assert found[name].dtype == float, name
        np.testing.assert_allclose(found[name], first[name].astype(float), rtol=1e-5)


def test_everything_is_reached_without_a_mouse(browser, first):
    """Tab visits every link, control, heading and scrolling table in the order of the page; Enter sorts."""
    wanted = "a[href], select, input, button, summary, [tabindex='0']"
    visible = f"[...document.querySelectorAll({wanted!r})].filter((e) => e.checkVisibility())"
    count = browser.run(f"const all = {visible}; all.forEach((e, i) => e.dataset.n = i); return all.length")
    seen = []
    for _ in range(count):
        browser.press(TAB)
        place, outline = browser.run(
            "const e = document.activeElement; return [e.dataset.n, getComputedStyle(e).outlineStyle]"
        )
        seen.append(int(place))
        assert outline != "none", f"element {place} shows no focus"
        if browser.run("return document.activeElement.matches('#board thead th.c-score button')"):
            browser.press(ENTER)
            browser.press(ENTER)
            assert browser.run(NAMES) == list(first["model"])[::-1]
    assert seen == list(range(count))


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_the_page_fits_its_window(window, page, tmp_path, width, height):
    window.open(page, width, height)
    assert window.run("return document.documentElement.scrollWidth") <= width
    small = (
        "return [...document.querySelectorAll('main p, main li, main td, main th, figcaption')].filter((e) =>"
        " e.checkVisibility() && parseFloat(getComputedStyle(e).fontSize) < 11).length"
    )
    assert window.run(small) == 0
    box = "const b = document.querySelector('#board').parentElement; return [b.scrollWidth, b.clientWidth]"
    inside, room = window.run(box)
    assert width < 600 or inside <= room, "a wide screen shows the whole leaderboard"
    right = "return document.querySelector('#board td.c-score').getBoundingClientRect().right"
    assert window.run(right) <= width, "the score is on the screen"
    window.screenshot(tmp_path / "page.png")
    picture = Image.open(tmp_path / "page.png")
    assert picture.width == width and picture.height > height
    assert len(picture.convert("L").getcolors()) > 50  # something is drawn
    assert window.messages() == []
