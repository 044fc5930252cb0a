"""Download the published tables of the 2024 survey and check every file."""

from menagerie.provenance.jobs import job
from menagerie.statistics.benchmark import fetch_published

with job(snakemake):
    fetch_published(snakemake.params.url, snakemake.params.folder)
