"""Download the photographs and RSMs of Kriegeskorte et al. (2008), checked by SHA-256."""

from menagerie.brain.readers.kriegeskorte92 import fetch
from menagerie.provenance.jobs import job

from pathlib import Path

with job(snakemake):
    fetch(Path(snakemake.output.rdms).parents[1], {"archive": snakemake.params.archive})
