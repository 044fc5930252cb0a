"""The benchmark of Conwell et al. (2024), and the files in which they published its results.

Read while Snakemake parses the workflow, so it imports neither pandas nor statsmodels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from menagerie.errors import MenagerieError
from menagerie.files.download import PATIENCE, Patience, download

DATASET, REGION = "nsd", "OTC"
SUBJECTS = ("1", "2", "5", "7")
IMAGES, N_IMAGES = "shared1000", 500
# Voxels of the region, by subject: a region of the same name may be defined in another way.
N_UNITS = {"1": 8088, "2": 7528, "5": 8015, "7": 5849}
# How the survey measured, as config keys: scores of a run with other values differ for that reason too.
SURVEY_SETTINGS: Mapping[str, object] = {
    "layers": "second_half",
    "images.transform": "paper",
    "projection.n_components": 5920,
    "penalties": [10.0**power for power in range(1, 8)],
}
# Subject of rows that are a mean over the four subjects, where the published tables give no more.
MEAN = "mean"

# What the report says of the dataset when scores come from the published tables.
ABOUT = {
    "source": "published tables of Conwell et al. (2024), Nature Communications 15:9383; repository DeepNSD",
    "license": "GPL-3.0",
    "responses": "Natural Scenes Dataset, subjects 1, 2, 5 and 7, 1,000 images that all saw; region OTC",
    "ceiling": "GSN noise ceiling as published, mean over five simulations",
    "simulated": "no",
}
# Published file -> its sha256, the digits of the files that every printed number was checked against.
FILES = {
    "figure_data/Figure2.csv": "661f029a353237f92c39d4314d088bfa1d67bcb3fb3e93f09d67d3e5f6af70ec",
    "figure_data/Figure3.csv": "40966b33b09ce5e2680800a68ee9045a39ca14c9b24a613225fde32483055366",
    "figure_data/Figure4A.csv": "7ba41759429de71c73f547948ee287522ffbeb5e4134630dfd2c0d59696c9105",
    "figure_data/Figure4B.csv": "c00fa0722115c83dae615218e015511baed1a8226d6f734359c3ebb7bb43f13f",
    "source_data/results_summary.csv": "968d57ae82e756130f567631b19bced90bbadf670fd9ce2ea6f82563ac201c64",
    "source_data/model_uber_rsm.parquet": "b19eee5513c4045d3ee50f10139584feca80c7b043329cb14f9a95cea0e6b8c9",
    "source_data/model_statistics/dimensionality.csv": (
        "54e756b55c1532aa5a13fce8f6cb28c99f4ec22c5135ce29d1f6723b2b91f5c4"
    ),
    "source_data/model_statistics/imagenet1k.csv": "ef195ea7b2a80a98274cce36b42d26a98bfbd1fbc596956f23f21e5a17423fcd",
    "source_data/model_statistics/parameter_count.csv": (
        "7b06ecd6cc895c1957677f0a476b0e1a38fc83709650d58fd5bd7f9ca8975541"
    ),
}
# Not in the authors' repository: read where a copy has it, else ceilings are unknown.
CEILINGS = "source_data/noise_ceilings.csv"


def published_files(folder: str | Path) -> dict[str, str]:
    """Path of every published file below a folder, by its name there; that of the ceilings only where it exists."""
    folder = Path(folder)
    optional = [CEILINGS] if (folder / CEILINGS).exists() else []
    return {name: str(folder / name) for name in [*FILES, *optional]}


def require_published(folder: str | Path, key: str) -> None:
    """Refuse a folder that lacks published files.

    Parameters
    ----------
    folder
        Should hold ``figure_data`` and ``source_data``.
    key
        Config key that names it, for the message.

    Raises
    ------
    MenagerieError
        Naming the folder and the first files that it lacks.
    """
    folder = Path(folder)
    absent = [name for name in FILES if not (folder / name).is_file()]
    if absent:
        found = "there is no such folder" if not folder.is_dir() else f"it lacks {', '.join(absent[:3])}"
        raise MenagerieError(
            f"Config key {key}: {folder}: {found} ({len(absent)} of {len(FILES)} files are missing). "
            "Expected is a copy of DeepNSD's folder publication, with figure_data and source_data. Fix the path, or "
            "leave the key out to download the files."
        )


def fetch_published(
    url: str, folder: str | Path, files: Mapping[str, str] = FILES, patience: Patience = PATIENCE
) -> None:
    """Download the published files; those that are there with the right bytes stay.

    Parameters
    ----------
    url
        Address of the folder publication.
    folder
        Where they go.
    files
        Name -> sha256.
    patience
        How long to try.

    Raises
    ------
    MenagerieError
        When a file cannot be had, or has other bytes than those that this workflow was checked against.
    """
    advice = "name a copy of the authors' folder publication under 'folder' in the config"
    for name, expected in files.items():
        address = f"{url.rstrip('/')}/{name}"
        download(address, Path(folder) / name, sha256=expected, advice=advice, patience=patience)
