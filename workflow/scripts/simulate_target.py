"""Simulate one subject: units that read out planted layers of trained networks."""

from menagerie.brain.readers.simulated import planted_layers, read_target
from menagerie.brain.splits import read_splits, splits_origin
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import write_target
from menagerie.features.planted import planted_features
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import require

from dataclasses import replace

with job(snakemake) as recipe:
    dataset = snakemake.params.dataset
    stimuli = Stimuli(snakemake.input.stimuli)
    planted = planted_layers(dataset["options"])
    target = read_target(
        snakemake.wildcards.dataset,
        snakemake.wildcards.subject,
        options=dataset["options"],
        inputs={},
        stimuli=stimuli,
        folds=read_splits(snakemake.input.splits, snakemake.wildcards.subject),
        features=planted_features(stimuli, planted, dataset["models"], snakemake.input.weights),
    )
    require(recipe, [stimuli.origin, splits_origin(snakemake.input.splits)])
    write_target(snakemake.output.target, replace(target, made_from=recipe.fingerprint))
