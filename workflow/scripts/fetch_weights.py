"""Fetch the weights of one model, verify them, and convert them to safetensors."""

from menagerie.jobs import job
from menagerie.models.registry import ModelSpec
from menagerie.models.weights import fetch_weights

with job(snakemake.log[0]):
    # Not a param: where a file was copied from does not change it.
    mirror = snakemake.config["downloads"]["mirror"]
    fetch_weights(ModelSpec.from_row(snakemake.params.source), snakemake.output.weights, mirror=mirror)
