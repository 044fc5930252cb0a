"""Download macaque V4, session 210325 (or copy it from the option folder), checked by SHA-256."""

from menagerie.brain.readers.v4 import fetch
from menagerie.provenance.jobs import job

from pathlib import Path

with job(snakemake):
    fetch(Path(snakemake.output.responses).parents[1], {"folder": snakemake.params.folder})
