"""Write which images of a dataset train and which test, fold by fold, of every split that the config names."""

from menagerie.brain.readers import reader_module
from menagerie.brain.remarks import log
from menagerie.brain.split_definitions import dataset_folds
from menagerie.brain.splits import write_splits
from menagerie.brain.stimuli import Stimuli, duplicate_remarks
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.provenance.sources import remember_sources

with job(snakemake) as recipe:
    dataset = snakemake.params.dataset
    stimuli = Stimuli(snakemake.input.stimuli)
    folds = dataset_folds(
        snakemake.wildcards.dataset,
        dataset["splits"],
        list(stimuli.image_ids),
        dataset["subjects"],
        reader_module(dataset["reader"]),
        dataset["options"],
    )
    digests, ids = stimuli.digests(), list(stimuli.image_ids)
    remarks = [remark for own in folds.values() for remark in duplicate_remarks(digests, ids, own)]
    log(dict.fromkeys(remarks))
    provenance = record(snakemake, recipe, [stimuli.origin], part=snakemake.wildcards.dataset)
    write_splits(snakemake.output.splits, folds, provenance)
    remember_sources(snakemake)
