"""RSMs, and volumes of the Natural Scenes Dataset."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy.io import savemat

from menagerie.brain.nsd.layout import Layout
from menagerie.brain.nsd.volumes import Volumes
from menagerie.brain.readers import rsm
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.voxels.regions import build_regions

from .case import Case, N, dataset

RSM = np.corrcoef(np.random.default_rng(2).standard_normal((N, 9)))
NAMES = [f"pic{number:02d}" for number in range(N)]
NCSNR = "mine/nsddata_betas/ppdata/subj01/func1pt8mm"


def matrix(values: np.ndarray, **options):
    def act(folder: Path):
        (dataset(folder) / "s1" / "responses.npy").unlink()
        np.save(folder / "s1" / "IT.npy", values)
        read(folder, **options)

    return act


def read(folder: Path, **options):
    options = {"folder": str(folder), **options}
    stimuli = folder / ".run" / "stimuli.h5"
    write_stimuli(stimuli, *rsm.read_stimuli(options, {}))
    rsm.read_target("d", "s1", options=options, inputs={}, stimuli=Stimuli(stimuli))


def other_names(folder: Path):
    (dataset(folder) / "s1" / "responses.npy").unlink()
    names = [*NAMES[:-1], "pic99"]
    pd.DataFrame(RSM, names, names).to_csv(folder / "s1" / "IT.csv")
    read(folder)


def two_variables(folder: Path):
    (dataset(folder) / "s1" / "responses.npy").unlink()
    savemat(folder / "s1" / "IT.mat", {"early": RSM, "late": RSM})
    read(folder)


def pickled(folder: Path):
    dataset(folder)
    (folder / "s1" / "IT.pkl").write_bytes(b"")
    read(folder)


def mask(affine: np.ndarray, shape: tuple[int, ...] = (5, 4, 3)):
    """A region drawn on another grid than ncsnr's, which has voxels of 1.8 mm."""

    def act(folder: Path):
        layout = Layout(folder)
        path = layout.volume("subj01", "ncsnr")
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(np.ones((5, 4, 3), dtype=np.float32), np.diag([1.8, 1.8, 1.8, 1])), path)
        nib.save(nib.Nifti1Image(np.ones(shape, dtype=np.uint8), affine), folder / "mask.nii.gz")
        build_regions(Volumes(layout, "subj01"), {"mine": {"mask": str(folder / "mask.nii.gz")}})

    return act


CASES = [
    Case(
        "an RSM without a diagonal",
        matrix(np.where(np.eye(N), np.nan, RSM)),
        "IT.npy",
        "without a diagonal",
        "look the same",
        "option kind: similarity or",
    ),
    Case(
        "an RSM of another scale",
        matrix(7 * RSM),
        "IT.npy",
        "found 7 on the diagonal",
        "expected ones on the diagonal",
        "Say which",
    ),
    Case(
        "an RSM that is called dissimilar",
        matrix(RSM, kind="dissimilarity"),
        "IT.npy",
        "found 1 on the diagonal",
        "expected the smallest dissimilarities",
        "Correct the option kind",
    ),
    Case("a kind that is none", matrix(RSM, kind="distance"), "option kind", "'distance'", "Known:", "dissimilarity"),
    Case(
        "an RSM with a gap",
        matrix(np.where(np.add.outer(np.arange(N), np.arange(N)) == 5, np.nan, RSM)),
        "IT.npy",
        "found nan for images 0 and 5",
        "expected finite numbers",
        "Leave out images",
    ),
    Case(
        "an RSM that is triangular",
        matrix(np.triu(RSM)),
        "IT.npy",
        "found a triangular matrix",
        "expected a symmetric one",
        "Add its transpose",
    ),
    Case(
        "an RSM of fewer images",
        matrix(RSM[:-1, :-1]),
        "IT.npy",
        "matrices of 11 images",
        "expected 12 x 12",
        "save a csv or parquet file with their names",
    ),
    Case("an RSM of another image", other_names, "IT.csv", "'pic99'", "Known:", "Did you mean"),
    Case(
        "two RSMs in a file",
        two_variables,
        "IT.mat",
        "found early (12, 12), late (12, 12)",
        "expected one variable",
        "Name it in the option variable",
    ),
    Case("an RSM as pickle", pickled, "IT.pkl", "may hold code", "expected .npy, .csv", "Save it as hdf5"),
    Case(
        "a mask that is mirrored",
        mask(np.diag([-1.8, 1.8, 1.8, 1])),
        "mask.nii.gz",
        "another affine (voxels of 1.8 x 1.8 x 1.8 mm, axes LAS",
        "expected that of ncsnr.nii.gz",
        "Resample it: nilearn.image.resample_to_img(mask, 'mine",
    ),
    Case(
        "a mask with voxels of 3 mm",
        mask(np.diag([3.0, 3, 3, 1])),
        "mask.nii.gz",
        "voxels of 3 x 3 x 3 mm",
        "expected that of ncsnr.nii.gz",
        "save it with the affine of",
    ),
    Case(
        "a mask that says nothing about its orientation",
        mask(np.eye(4)),
        "mask.nii.gz",
        "another affine (voxels of 1 x 1 x 1 mm, axes unknown",
        "expected that of ncsnr.nii.gz",
        "save it with the affine of ncsnr.nii.gz: nibabel.Nifti1Image(voxels, nibabel.load('mine",
    ),
    Case(
        "a mask of another shape",
        mask(np.diag([1.8, 1.8, 1.8, 1]), (4, 4, 3)),
        "mask.nii.gz",
        "shape (4, 4, 3)",
        "ncsnr.nii.gz of subj01 has (5, 4, 3)",
        "Resample it",
    ),
]
