"""The key `predictions` on a finished run: new images become predicted responses of every unit."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from menagerie.brain.target import read_target
from menagerie.files.geometry import GeometryFile
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.ridge import PENALTIES

pytestmark = pytest.mark.workflow
TABLES = {"predict": 2, "build_new_images": 1, "report": 1}


@pytest.fixture
def with_photos(project):
    """New images: three of the dataset itself, whose responses are known, and one of another."""
    images = project.folder / "data" / "photos" / "images"
    images.mkdir(parents=True)
    for name in ("image03", "image05", "image07"):
        shutil.copy(project.folder / "data" / "animals" / "images" / f"{name}.png", images / f"{name}.png")
    shutil.copy(project.folder / "data" / "plants" / "images" / "image00.png", images / "other.png")
    project.configure(predictions={"photos": {"folder": "data/photos", "datasets": ["animals"]}})
    return project


def as_scored(project, target, image):
    """Predictions for a test image when its layer was scored."""
    folds = pd.read_parquet(project.results / "scores" / "tiny_trained" / "folds.parquet")
    here = (folds["dataset"] == "animals") & (folds["subject"] == "anna") & (folds["metric"] == "encoding_r")
    with GeometryFile(project.results / "geometry" / "animals" / "tiny_trained.h5") as geometries:
        layer = geometries.read(int(folds.loc[here, "layer_index"].iloc[0]))
        pair = Comparison(layer, Brain(target, geometries.image_ids), project.config.get("penalties", PENALTIES))
    column = pair.brain.test_ids.index(image)
    return pair.predicted["test"][:, column] + pair.ridge.means


def test_new_images_are_predicted_and_only_what_changed_runs_again(with_photos) -> None:
    project = with_photos
    assert project.planned() == TABLES
    project.run()
    assert project.planned() == {}
    folder = project.results / "predictions" / "photos" / "animals"
    table = pd.concat(pd.read_parquet(path) for path in sorted(folder.glob("*.parquet")))
    counts = table.groupby(["model", "subject"]).size()
    assert set(counts.index) == {(m, s) for m in ("test_vit_random", "tiny_trained") for s in ("anna", "ben")}
    target = read_target(project.results / "targets" / "animals" / "anna.h5")
    assert (counts == 4 * target.responses.shape[1]).all(), "four images, every unit"
    assert set(table["image"]) == {"image03", "image05", "image07", "other"} and table["predicted"].notna().all()

    units = pd.read_parquet(project.results / "tables" / "unit_scores.parquet")
    assert set(table["unit"]) <= set(units.loc[units["dataset"] == "animals", "unit"])
    own = table[(table["model"] == "tiny_trained") & (table["subject"] == "anna") & (table["image"] == "image03")]
    np.testing.assert_allclose(own["predicted"], as_scored(project, target, "image03"), rtol=1e-3, atol=1e-3)

    (project.folder / "data" / "photos" / "images" / "other.png").unlink()
    assert project.planned() == {"predict": 2, "build_new_images": 1}
    project.configure(predictions={})
    assert project.planned() == {"report": 1}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"folder": "data/none"}, "predictions.photos.folder: found no folder"),
        ({"folder": "data/photos", "datasets": ["animal"]}, "predictions.photos.datasets: 'animal'"),
        ({"folder": "data/photos", "metric": "versa2"}, "predictions.photos.metric"),
        ({"folder": "data/animals/anna"}, "has no folder 'images'"),
    ],
)
def test_what_cannot_be_predicted_stops_before_any_job(with_photos, entry, words) -> None:
    with_photos.configure(predictions={"photos": entry})
    seen = with_photos.snakemake("--dry-run")
    assert seen.returncode == 1
    assert words in seen.stderr + seen.stdout
