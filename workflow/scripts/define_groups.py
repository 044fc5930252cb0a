"""Write which images of a dataset are drawn and permuted together: those of one value in a column of images.csv."""

from menagerie.brain.groups import image_groups, write_groups
from menagerie.brain.readers import reader_module
from menagerie.brain.stimuli import Stimuli
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.provenance.sources import remember_sources

with job(snakemake) as recipe:
    dataset = snakemake.params.dataset
    stimuli = Stimuli(snakemake.input.stimuli)
    groups = image_groups(
        snakemake.wildcards.dataset,
        dataset["groups"],
        list(stimuli.image_ids),
        reader_module(dataset["reader"]),
        dataset["options"],
    )
    print(f"{len(groups)} images in {len(set(groups.values()))} groups, by column '{dataset['groups']}'.")
    provenance = record(snakemake, recipe, [stimuli.origin], part=snakemake.wildcards.dataset)
    write_groups(snakemake.output.groups, groups, provenance)
    remember_sources(snakemake)
