"""What a target of NSD rests on: every file that the reader opens, and no other."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from menagerie.survey.contents import Survey
from menagerie.survey.recipes import Recipes

IMAGES, MASK = "lists/images.txt", "masks/mine.nii.gz"


@pytest.fixture
def tree(broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A twin, a list of images and a mask of the user's, below the working folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(broken, tmp_path / "nsd")
    volume = next((tmp_path / "nsd").rglob("ncsnr.nii.gz"))
    (tmp_path / "masks").mkdir()
    shutil.copy(volume, tmp_path / MASK)
    (tmp_path / "lists").mkdir()
    (tmp_path / IMAGES).write_text("1\n2\n3\n")
    return tmp_path


def targets(root: Path) -> dict[str, str]:
    regions = {"mine": {"mask": MASK}, "reliable": "ncsnr > 0.2"}
    options = {"nsd_root": "nsd", "images": IMAGES, "regions": regions, "ceiling_images": 0}
    datasets = {"nsd": {"reader": "nsd", "subjects": ["subj01", "subj02"], "options": options}}
    survey = Survey.from_config({"run": "r", "models": ["timm/test_vit:random"], "datasets": datasets})
    recipes = Recipes(survey, root / "workflow" / "scripts")
    return {
        subject: recipes.fingerprint("build_target", dataset="nsd", subject=subject) for _, subject in survey.subjects
    }


def swap(path: Path) -> None:
    """Another content under the old time."""
    before = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    os.utime(path, ns=(before, before))


def mirror(path: Path) -> None:
    """The same values on a grid that is mirrored."""
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine * np.diag([-1, 1, 1, 1])), path)


BOTH, FIRST = {"subj01", "subj02"}, {"subj01"}
EDITS = {
    "list of images": (lambda tree: swap(tree / IMAGES), BOTH),
    "mask": (lambda tree: swap(tree / MASK), BOTH),
    "affine of the mask": (lambda tree: mirror(tree / MASK), BOTH),
    "reliability": (lambda tree: swap(next(tree.glob("nsd/**/subj01/**/ncsnr.nii.gz"))), FIRST),
    "betas": (lambda tree: swap(next(tree.glob("nsd/**/subj01/**/betas_session01*"))), FIRST),
    "design": (lambda tree: swap(next(tree.glob("nsd/**/nsd_expdesign.mat"))), BOTH),
    "a file that nobody reads": (lambda tree: (tree / "nsd" / "README").write_text("x"), set()),
    "touched": (lambda tree: [os.utime(path) for path in tree.rglob("*")], set()),
}


@pytest.mark.parametrize("row", EDITS)
def test_edit(tree: Path, root: Path, row: str) -> None:
    edit, expected = EDITS[row]
    before = targets(root)
    edit(tree)
    after = targets(root)
    assert {subject for subject in before if before[subject] != after[subject]} == expected


def test_a_tree_that_this_workflow_makes(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another spec of the twin, other targets, although the tree is made by a rule and not read while planning."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    spec = tmp_path / "config" / "nsd_twin.yaml"

    def target(text: str) -> str:
        spec.write_text(text)
        options = {"nsd_root": "resources/nsd_twin", "ceiling_images": 0}
        datasets = {"nsd": {"reader": "nsd", "subjects": ["subj01"], "options": options}}
        survey = Survey.from_config({"run": "r", "models": ["timm/test_vit:random"], "datasets": datasets})
        return Recipes(survey, root / "workflow" / "scripts").fingerprint(
            "build_target", dataset="nsd", subject="subj01"
        )

    assert target("seed: 1\n") == target("seed: 1\n") != target("seed: 2\n")
