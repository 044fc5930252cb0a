import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent / "figures"))
import synthetic

from menagerie.errors import MenagerieError
from menagerie.figures import style
from menagerie.figures.leaderboard import leaderboard
from menagerie.figures.leaderboard_table import leaderboard_table
from menagerie.report import ReportFigure, ReportView, render_report
from menagerie.report.captions import caption_html
from menagerie.report.findings import Planted, findings, number
from menagerie.report.sections import merged_about, not_scored
from menagerie.report.templates import TEMPLATES

VOID = {"meta", "link", "img", "input", "br", "source", "hr"}


class Page(HTMLParser):
    """Reads a page, checks that its tags close in order, and keeps what tests ask about."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.tags = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if "href" in attributes else []
        self.sources += [value for key, value in attributes.items() if key in {"src", "srcset"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    models = synthetic.models(9)
    layers, scores = synthetic.scores(9, n_layers=4, regions=("early", "late"), metrics=("crsa", "versa"))
    more_layers, more = synthetic.scores(9, n_layers=4, regions=("IT",), metrics=("crsa",), dataset="sim", n_subjects=1)
    layers, scores = pd.concat([layers, more_layers]), pd.concat([scores, more])
    svg, _ = style.save(leaderboard(scores, models, "nsd"), folder / "leaderboard_nsd")
    return {
        "run": "unit <test>",
        "layer_scores": layers,
        "model_scores": scores,
        "models": models,
        "figures": [ReportFigure("Leaderboard", svg, TEMPLATES / "leaderboard.rst", "nsd", svg)],
        "datasets": {
            "nsd": {"reader": "nsd", "simulated": "no"},
            "sim": {"simulated": "yes", "planted_IT": "model_000: blocks.2"},
        },
        "provenance": {"versions": {"numpy": "2.1"}, "commit": "0123abc"},
        "planted": {"sim": {"IT": 0.37}},
    }


@pytest.fixture(scope="module")
def page(inputs):
    return render_report(**inputs)


def test_page_is_well_formed_and_its_links_lead_somewhere(page):
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link for link in parsed.links if link.startswith("#")} <= {f"#{name}" for name in parsed.ids}


def test_page_needs_nothing_but_itself(page):
    parsed = Page(page)
    assert all(source.startswith("data:") for source in parsed.sources)
    assert all(link.startswith("#") for link in parsed.links)  # and with experiments, to tables of the run
    assert "<link" not in page and "@import" not in page and "url(" not in page


def test_page_is_the_same_for_the_same_input(inputs, page):
    assert render_report(**inputs) == page


def test_text_from_outside_is_escaped(inputs, page):
    assert "unit &lt;test&gt;" in page and "unit <test>" not in page
    models = inputs["models"].assign(task="</script><script>alert(1)</script>")
    assert "<script>alert" not in render_report(**{**inputs, "models": models})


def test_every_table_row_is_in_the_page_with_its_numbers(inputs, page):
    rows = json.loads(re.search(r'id="rows">(.*?)</script>', page, re.S).group(1))
    board = leaderboard_table(inputs["model_scores"], inputs["models"])
    assert [row[:4] for row in rows] == board[["dataset", "region", "metric", "model"]].to_numpy().tolist()
    np.testing.assert_allclose([row[4][2] for row in rows], board["score"], atol=1e-6)
    saved = json.loads(re.search(r'id="downloaded">(.*?)</script>', page, re.S).group(1))
    for name in ("score", "ci_low", "explained_high", "layer_votes"):
        numbers = [np.nan if row[6][saved.index(name)] is None else row[6][saved.index(name)] for row in rows]
        np.testing.assert_allclose(numbers, board[name].astype(float), rtol=1e-5)
    assert page.count('<th scope="row" class="text c-display_name"') == 9  # the first board, for those without scripts


def test_simulated_data_are_labelled_wherever_they_appear(inputs, page):
    assert "These responses were simulated" in page
    assert "made from layer blocks.2 of model_000 (relative depth 0.37)" in page
    assert page.count('inline">simulated<') == 3  # opening, findings, data
    assert "sim (simulated)" in page
    real = render_report(**{**inputs, "datasets": {}})
    assert "These responses were simulated" not in real


def test_reasons_are_counted_and_silent_models_are_named(inputs):
    layers = inputs["layer_scores"]
    lost = (layers["layer_index"] == 1) & (layers["model"] == "model_003") & (layers["dataset"] == "nsd")
    layers = layers.assign(status=np.where(lost, "constant over images", "ok"), score=layers["score"].mask(lost))
    layers = layers[layers["model"] != "model_004"]
    missing = not_scored(layers, inputs["model_scores"], inputs["models"])
    assert missing[0]["reason"] == "constant over images"
    assert (missing[0]["layers"], missing[0]["models"], missing[0]["metrics"]) == (1, "model_003", "cRSA, veRSA")
    assert missing[1]["models"] == "model_004"
    assert "constant over images" in render_report(**{**inputs, "layer_scores": layers})


def test_sentences_say_the_numbers_of_the_table(inputs):
    board = leaderboard_table(inputs["model_scores"], inputs["models"], "sim")
    planted = Planted(board.iloc[2]["model"], board.iloc[2]["layer"], 0.37)
    (found,) = findings(board, {"IT": planted}).regions
    best = board.iloc[0]
    text = " ".join(found.sentences)
    assert f"By cRSA, {best['display_name']} scores highest: r = {number(best['score'])}" in text
    assert f"95 % interval {number(best['ci_low'])} to {number(best['ci_high'])}, 500 test images" in text
    assert f"{board.iloc[1]['display_name']} is next with {number(board.iloc[1]['score'])}." in text

    assert (
        f"made from layer {planted.layer} of {planted.model} (relative depth 0.37). In that network, cRSA selects"
        in text
    )
    assert "selects the planted layer in 1 of 1 subject" in text


def test_sentences_name_the_models_that_may_be_as_good_as_the_best(inputs):
    board = leaderboard_table(inputs["model_scores"], inputs["models"], "sim")
    ties = [True, True, *[False] * (len(board) - 2)]
    text = " ".join(findings(board.assign(ties_with_best=ties)).regions[0].sentences)
    assert f"Of the other 8, 1 may be as good ({board.iloc[1]['display_name']}; all compared at once" in text
    text = " ".join(findings(board.assign(ties_with_best=[True, *ties[2:], False])).regions[0].sentences)
    assert "None of the other 8 may be as good" in text
    two = board.iloc[:2].assign(ties_with_best=True)
    assert f"{two.iloc[1]['display_name']} may be as good (" in " ".join(findings(two).regions[0].sentences)


def test_the_summary_counts_where_trained_models_win():
    _, scores = synthetic.scores(6, n_layers=3)
    lost = (scores["region"] == "late") & (scores["metric"] == "crsa") & scores["model"].str.endswith("_random")
    board = leaderboard_table(scores.assign(score=scores["score"].mask(lost, 0.9)), synthetic.models(6), "nsd")
    highest, training = findings(board).summary
    assert highest.startswith("The highest score is r = 0.90") and "(random), cRSA in late" in highest
    assert "in 5 of 6 combinations" in training


def test_few_models_get_no_interval_over_models():
    _, scores = synthetic.scores(3, n_layers=3, regions=("IT",), metrics=("crsa",))
    (found,) = findings(leaderboard_table(scores, synthetic.models(3), "nsd")).regions
    text = " ".join(found.sentences)
    assert "too few models for an interval" in text and "of the difference" not in text


def test_numbers():
    assert [number(-0.123), number(-0.001), number(np.nan), number(1.0, 3)] == ["\u22120.12", "0.00", "\u2013", "1.000"]


def test_captions_know_paragraphs_emphasis_and_nothing_dangerous():
    html = caption_html("One *two*\nthree.\n\n**Four** ``x < 1`` & <b>\n")
    assert html == (
        "<p>One <em>two</em> three.</p>\n<p><strong>Four</strong> <code>x &lt; 1</code> &amp; &lt;b&gt;</p>"
    )


def test_a_missing_figure_is_named(inputs, tmp_path):
    figure = ReportFigure("Leaderboard", tmp_path / "gone.svg", TEMPLATES / "leaderboard.rst")
    with pytest.raises(MenagerieError, match=r"gone\.svg"):
        render_report(**{**inputs, "figures": [figure]})


def test_facts_are_those_of_all_subjects():
    said = {"a": {"reader": "own", "ceiling": "GSN", "n": "3"}, "b": {"reader": "own", "ceiling": "absent: no repeats"}}
    assert merged_about(said) == {
        "reader": "own",
        "ceiling": "a: GSN; b: absent: no repeats",
        "n": "a: 3; b: not said",
    }


def test_subjects_without_a_ceiling_are_named(inputs):
    scores = inputs["model_scores"].copy()
    scores.loc[scores["subject"] == "S2", "noise_ceiling"] = np.nan
    page = render_report(**(inputs | {"model_scores": scores}))
    assert "0.83 (S1, S3, S4); unknown in S2, so no share is explained" in page


def test_ceilings_have_their_interval_and_wide_ones_are_a_caveat(inputs):
    page = render_report(**inputs)
    assert "0.83 (0.78 to 0.86)" in page and "These ceilings are uncertain" not in page
    scores = inputs["model_scores"].copy()
    scores.loc[scores["subject"] == "S2", "ceiling_low"] = 0.3
    page = render_report(**(inputs | {"model_scores": scores})).replace("\N{NO-BREAK SPACE}", " ")
    assert "These ceilings are uncertain" in page and "S2 0.82 (0.30 to 0.85)." in page


def test_rows_that_the_grid_bounds_are_a_caveat(inputs):
    assert "The grid of penalties bounds" not in render_report(**inputs)
    scores = inputs["model_scores"].copy()
    versa = scores["metric"] == "versa"
    scores.loc[versa, ["at_lowest_penalty", "at_highest_penalty"]] = [0.0, 0.1]
    scores = scores.reset_index(drop=True)
    scores.loc[scores.index[scores["metric"] == "versa"][:3], "at_highest_penalty"] = 0.5
    page = render_report(**(inputs | {"model_scores": scores})).replace("\N{NO-BREAK SPACE}", " ")
    assert f"nsd, veRSA: in 3 of {versa.sum()} scores more than 20% of units have the largest penalty." in page


def test_views_of_one_dataset_are_chosen_and_titled(inputs):
    scores = inputs["model_scores"]
    other = scores[scores["dataset"] == "nsd"].assign(split="folds", n_folds=5)
    layers = inputs["layer_scores"]
    more = layers[layers["dataset"] == "nsd"].assign(split="folds")
    views = {name: ReportView(name) for name in ("nsd", "sim")}
    views["nsd-folds"] = ReportView("nsd", "folds", "nsd (split folds)")
    tables = {"model_scores": pd.concat([scores, other]), "layer_scores": pd.concat([layers, more])}
    page = render_report(**(inputs | tables | {"views": views}))
    assert '<option value="nsd-folds">nsd (split folds)</option>' in page
    assert "Dataset, split and selection" in page and "are means over their test parts" in page
    assert "compared with\n  2 datasets:" in page
