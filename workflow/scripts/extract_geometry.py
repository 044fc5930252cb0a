"""Show a stimulus set to a network and keep the geometry of every selected layer."""

from menagerie.brain.stimuli import Stimuli
from menagerie.features.device import pick_device
from menagerie.features.extract import extract_geometry
from menagerie.features.images import ImageLoader
from menagerie.geometry import write_geometry
from menagerie.inventory import choose_layers, read_inventory
from menagerie.jobs import job
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec
from menagerie.provenance import file_sha256

with job(snakemake.log[0]):
    spec = ModelSpec.from_row(snakemake.params.model["spec"])
    weights = snakemake.input.get("weights")
    loaded = build_model(spec, weights, transform=snakemake.params.model["transform"])
    stimuli = Stimuli(snakemake.input.stimuli)
    config = snakemake.params.config
    inventory = read_inventory(snakemake.input.layers)
    layers = choose_layers(inventory, config["layers"])
    geometries = extract_geometry(
        loaded.module,
        ImageLoader(stimuli, loaded.transform),
        layers,
        memory_budget=snakemake.config["memory_budget_mb"] * 10**6,
        n_projections=config["projection.n_components"],
        seed=config["projection.seed"],
        batch_size=snakemake.config["images"]["batch_size"],
        device=pick_device(snakemake.config["device"]),
    )
    write_geometry(
        snakemake.output.geometry,
        (geometry for _, geometry in geometries),
        image_ids=stimuli.image_ids,
        attributes={
            "model": spec.id,
            "stimuli": snakemake.wildcards.stimuli,
            "n_layers": len(inventory),
            "weights_sha256": file_sha256(weights) if weights else f"random, seed {spec.seed}",
            "n_projections": config["projection.n_components"],
            "projection_seed": config["projection.seed"],
            "transform": snakemake.params.model["transform"],
            "code": snakemake.params.code,
        },
    )
