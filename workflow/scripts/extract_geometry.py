"""Show a stimulus set to a network and keep the geometry of every selected layer."""

from menagerie.brain.stimuli import Stimuli
from menagerie.features.device import pick_device
from menagerie.features.extract import extract_geometry
from menagerie.features.images import ImageLoader
from menagerie.geometry import write_geometry
from menagerie.inventory import read_inventory
from menagerie.jobs import job
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec
from menagerie.provenance import file_sha256
from menagerie.survey import Survey

with job(snakemake.log[0]):
    spec = ModelSpec.from_row(snakemake.params.model["spec"])
    weights = snakemake.input.get("weights")
    loaded = build_model(spec, weights, transform=snakemake.params.model["transform"])
    stimuli = Stimuli(snakemake.input.stimuli)
    survey = Survey.from_config(snakemake.config)
    layers = survey.layers(read_inventory(snakemake.input.layers), spec.id)
    projection = survey.config["projection"]
    geometries = extract_geometry(
        loaded.module,
        ImageLoader(stimuli, loaded.transform),
        layers,
        memory_budget=survey.config["memory_budget_mb"] * 10**6,
        n_projections=projection["n_components"],
        seed=projection["seed"],
        batch_size=survey.config["images"]["batch_size"],
        device=pick_device(survey.config["device"]),
    )
    write_geometry(
        snakemake.output.geometry,
        (geometry for _, geometry in geometries),
        image_ids=stimuli.image_ids,
        attributes={
            "model": spec.id,
            "stimuli": snakemake.wildcards.stimuli,
            "weights_sha256": file_sha256(weights) if weights else f"random, seed {spec.seed}",
            "n_projections": projection["n_components"],
            "projection_seed": projection["seed"],
            "transform": snakemake.params.model["transform"],
            "code": snakemake.params.code,
        },
    )
