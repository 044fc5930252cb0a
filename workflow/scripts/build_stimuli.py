"""Write a stimulus set: the images of a dataset in the order that fixes the train/test split."""

from menagerie.brain.readers import reader_module
from menagerie.brain.stimuli import write_stimuli
from menagerie.provenance.jobs import job
from menagerie.provenance.sources import remember_sources

with job(snakemake) as recipe:
    dataset = snakemake.params.dataset
    inputs = {name: path for name, path in snakemake.input.items() if name != "recipe"}
    images, image_ids, provenance = reader_module(dataset["reader"]).read_stimuli(dataset["options"], inputs)
    write_stimuli(snakemake.output.stimuli, images, image_ids, provenance | {"made_from": recipe.fingerprint})
    remember_sources(snakemake)
