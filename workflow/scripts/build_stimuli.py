"""Write a stimulus set: the images of a dataset in the order that fixes the train/test split."""

from menagerie.brain.readers import reader_module
from menagerie.brain.stimuli import write_stimuli
from menagerie.provenance.jobs import job

with job(snakemake.log[0]):
    dataset = snakemake.params.dataset
    inputs = dict(snakemake.input.items())
    images, image_ids, provenance = reader_module(dataset["reader"]).read_stimuli(dataset["options"], inputs)
    write_stimuli(snakemake.output.stimuli, images, image_ids, provenance)
