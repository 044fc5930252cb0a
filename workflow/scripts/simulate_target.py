"""Simulate one subject: units that read out planted layers of trained networks."""

from menagerie.brain.readers.simulated import planted_layers, read_target
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import write_target
from menagerie.features.collect import layer_features
from menagerie.features.images import ImageLoader
from menagerie.jobs import job
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec

with job(snakemake.log[0]):
    dataset = snakemake.params.dataset
    stimuli = Stimuli(snakemake.input.stimuli)
    weights = iter(snakemake.input.weights)
    planted = planted_layers(dataset["options"])
    features = {}
    for entry in dataset["models"]:
        spec = ModelSpec.from_row(entry["spec"])
        loaded = build_model(spec, next(weights) if spec.training == "trained" else None, transform=entry["transform"])
        images = ImageLoader(stimuli, loaded.transform)
        regions = {region: layer for region, (model, layer) in planted.items() if model == spec.id}
        found = layer_features(loaded.module, images, list(regions.values()))
        features |= {region: found[layer] for region, layer in regions.items()}
    target = read_target(
        snakemake.wildcards.dataset,
        snakemake.wildcards.subject,
        options=dataset["options"],
        inputs={},
        stimuli=stimuli,
        features=features,
    )
    write_target(snakemake.output.target, target)
