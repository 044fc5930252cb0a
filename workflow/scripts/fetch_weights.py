"""Fetch the weights of one model, verify them, and convert them to safetensors."""

from menagerie.jobs import job
from menagerie.models.registry import ModelSpec
from menagerie.models.weights import fetch_weights

with job(snakemake.log[0]):
    fetch_weights(ModelSpec.from_row(snakemake.params.source), snakemake.output.weights)
