"""Simulate one subject: units that read out planted layers of trained networks."""

from menagerie.brain.readers.simulated import planted_layers, read_target
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import write_target
from menagerie.features.planted import planted_features
from menagerie.provenance.jobs import job

with job(snakemake.log[0]):
    dataset = snakemake.params.dataset
    stimuli = Stimuli(snakemake.input.stimuli)
    planted = planted_layers(dataset["options"])
    target = read_target(
        snakemake.wildcards.dataset,
        snakemake.wildcards.subject,
        options=dataset["options"],
        inputs={},
        stimuli=stimuli,
        features=planted_features(stimuli, planted, dataset["models"], snakemake.input.weights),
    )
    write_target(snakemake.output.target, target)
