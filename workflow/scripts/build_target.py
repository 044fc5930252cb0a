"""Write the brain target of one subject."""

from menagerie.brain.ceilings import read_ceilings, remarks_on_ceilings
from menagerie.brain.readers import reader_module
from menagerie.brain.splits import read_splits, splits_origin
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import ANY_FOLD, write_target
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import require
from menagerie.provenance.sources import remember_sources

from dataclasses import replace

with job(snakemake) as recipe:
    dataset = snakemake.params.dataset
    inputs = {name: path for name, path in snakemake.input.items() if name != "recipe"}
    stimuli = Stimuli(inputs.pop("stimuli"))
    ceilings, splits = inputs.pop("ceilings", None), inputs.pop("splits", None)
    folds = {"folds": read_splits(splits, snakemake.wildcards.subject)} if splits else {}
    target = reader_module(dataset["reader"]).read_target(
        snakemake.wildcards.dataset,
        snakemake.wildcards.subject,
        options=dataset["options"],
        inputs=inputs,
        stimuli=stimuli,
        **folds,
    )
    require(recipe, [stimuli.origin, *([splits_origin(splits)] if splits else [])])
    if ceilings:
        medians, intervals = read_ceilings(ceilings)
        remarks = remarks_on_ceilings(ceilings, medians, intervals)
        target = replace(
            target,
            ceilings={ANY_FOLD: medians},
            ceiling_intervals={ANY_FOLD: intervals},
            provenance={**target.provenance, **remarks},
        )
    write_target(snakemake.output.target, replace(target, made_from=recipe.fingerprint))
    remember_sources(snakemake)
