import numpy as np
import pytest
import synthetic

from menagerie.figures import style
from menagerie.figures.supplement import supplement_figure
from menagerie.figures.supplement_table import (
    depth_points,
    dimension_points,
    kind_order,
    region_points,
    subject_points,
)
from menagerie.figures.tidy import first_region, on_rsms
from menagerie.statistics.contrasts import join_metadata

WIDTHS = [style.PAGE_WIDTH, style.NARROW_WIDTH]


def table(n_models=12, **options):
    _, scores = synthetic.scores(n_models, n_layers=3, **options)
    data = join_metadata(scores, synthetic.models(n_models))
    rng = np.random.default_rng(0)
    raw = dict(zip(data["model"].unique(), rng.uniform(2, 400, n_models), strict=True))
    data["ed_raw"] = data["model"].map(raw)
    return data.assign(ed_srp=0.9 * data["ed_raw"])


@pytest.fixture(scope="module")
def rows():
    return on_rsms(table())


def test_a_subject_stands_beside_the_mean_of_all_others(rows):
    points = subject_points(rows)
    row = points.iloc[17]
    early = rows[(rows["region"] == "early") & (rows["metric"] == row["metric"]) & (rows["model"] == row["model"])]
    by_subject = early.set_index("subject")["score"]
    assert row["score"] == by_subject[row["subject"]]
    assert row["others"] == pytest.approx(by_subject.drop(row["subject"]).mean())
    assert len(points) == 12 * 2 * 4


def test_incomplete_networks_means_and_single_subjects_have_no_subject_points(rows):
    lost = rows[~((rows["model"] == "model_000") & (rows["subject"] == "S2"))]
    assert "model_000" not in set(subject_points(lost)["model"])
    assert subject_points(rows[rows["subject"] == "S1"]).empty
    assert subject_points(rows.assign(subject="mean")).empty


def test_depths_are_means_over_subjects_and_untrained_networks_come_last(rows):
    points = depth_points(rows)
    row = points.iloc[5]
    early = first_region(rows)
    same = early[(early["metric"] == row["metric"]) & (early["model"] == row["model"])]
    assert row["depth"] == pytest.approx(same["depth"].mean())
    assert kind_order(points)[-1] == "untrained"
    assert depth_points(rows.drop(columns="depth")).empty


def test_other_regions_stand_beside_the_first(rows):
    points = region_points(rows).set_index(["metric", "model"])
    means = rows.groupby(["metric", "model", "region"])["score"].mean()
    assert set(points["region"]) == {"late"}
    assert points.loc[("versa", "model_003"), "score"] == pytest.approx(means["versa", "model_003", "late"])
    assert points.loc[("versa", "model_003"), "first"] == pytest.approx(means["versa", "model_003", "early"])


def test_what_is_drawn_is_what_the_tables_say(rows):
    axes = supplement_figure(table(), "nsd").axes

    def drawn(ax, column):
        return np.sort(np.concatenate([part.get_offsets()[:, column] for part in ax.collections]))

    np.testing.assert_allclose(drawn(axes[0], 1), np.sort(subject_points(rows)["score"]))
    np.testing.assert_allclose(drawn(axes[1], 0), np.sort(depth_points(rows)["depth"]))
    np.testing.assert_allclose(drawn(axes[2], 0), np.sort(region_points(rows)["first"]))
    np.testing.assert_allclose(drawn(axes[3], 1), np.sort(dimension_points(rows)["ed_srp"]))


@pytest.mark.parametrize("width", WIDTHS)
def test_panels_without_values_are_left_out_by_name(width):
    figure = supplement_figure(table(regions=("IT",)).drop(columns=["depth"]), "nsd", width=width)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["A  subjects", "D  projection"]
    said = " ".join(figure.get_suptitle().split())
    assert said == "Not known: selected layers (no known depth of layers); regions (one region only)."
    bare = table(n_subjects=1, regions=("IT",)).drop(columns=["depth", "ed_srp"])
    assert supplement_figure(bare, "nsd", width=width).axes == []
    assert supplement_figure(bare, "elsewhere").axes == []


@pytest.mark.parametrize("width", WIDTHS)
def test_no_labels_overlap(width):
    data = table(120, regions=("IT", "V1", "V2", "FFA"), n_subjects=2)
    figure = supplement_figure(data, "nsd", width=width)
    boxes = synthetic.label_boxes(figure)
    assert len(boxes) > 30
    assert synthetic.overlaps(boxes) == []
    assert synthetic.outside(figure, boxes) == []


def test_the_same_table_gives_the_same_bytes(tmp_path):
    data = table(6, n_subjects=2)
    first, second = ([p.read_bytes() for p in style.save(supplement_figure(data, "nsd"), tmp_path / n)] for n in "ab")
    assert first == second


def test_logarithmic_axes_have_plain_numbers(tmp_path):
    figure = supplement_figure(table(120, regions=("IT",), n_subjects=1), "nsd")
    style.save(figure, tmp_path / "figure")
    (ax,) = [ax for ax in figure.axes if ax.get_xscale() == "log"]
    said = [label.get_text() for label in ax.get_xticklabels(which="both") if label.get_text()]
    assert said and all(float(text) > 0 for text in said)
