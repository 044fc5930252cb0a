"""Fetch the weights of one model, verify them, and convert them to safetensors."""

from menagerie.models.absent import AbsentError, note_absence, note_of
from menagerie.models.registry import ModelSpec
from menagerie.models.weights import fetch_weights
from menagerie.provenance.jobs import job
from menagerie.provenance.sources import remember_sources

from pathlib import Path

with job(snakemake):
    spec, weights = ModelSpec.from_row(snakemake.params.source), snakemake.output.weights
    try:
        # Not a param: where a file was copied from does not change it.
        fetch_weights(spec, weights, mirror=snakemake.config["downloads"]["mirror"])
    except AbsentError as error:
        raise note_absence(spec, Path(weights).parent, error, snakemake.config["missing_weights"]) from None
    remember_sources(snakemake)
    note_of(spec, Path(weights).parent).unlink(missing_ok=True)
