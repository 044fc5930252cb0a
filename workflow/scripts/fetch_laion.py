"""Fetch the files of LAION-fMRI that the config needs; each is checked."""

from menagerie.brain.readers.laion import fetch
from menagerie.provenance.jobs import job

from pathlib import Path

with job(snakemake):
    for dataset in snakemake.params.datasets:
        fetch(Path(snakemake.output.note).parents[1], dataset["options"], dataset["subjects"])
