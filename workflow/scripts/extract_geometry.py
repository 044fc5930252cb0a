"""Show a stimulus set to a network and keep the geometry of every selected layer."""

from menagerie.brain.stimuli import Stimuli
from menagerie.features.device import device_name, pick_device
from menagerie.features.extract import extract_geometry
from menagerie.features.image_loader import ImageLoader
from menagerie.features.projection import STANDARDISE
from menagerie.files.geometry import write_geometry
from menagerie.files.inventory import read_inventory
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec
from menagerie.provenance.code import file_sha256
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

with job(snakemake) as recipe:
    spec = ModelSpec.from_row(snakemake.params.model["spec"])
    weights = snakemake.input.get("weights")
    loaded = build_model(spec, weights, transform=snakemake.params.model["transform"])
    stimuli = Stimuli(snakemake.input.stimuli)
    config = snakemake.params.config
    inventory = read_inventory(snakemake.input.layers)
    device = pick_device(snakemake.config["device"])
    layers = [inventory[index] for index in snakemake.params.layers]
    geometries = extract_geometry(
        loaded.module,
        ImageLoader.on(device, stimuli, loaded.transform),
        layers,
        memory_budget=snakemake.config["memory_budget_mb"] * 10**6,
        n_projections=config["projection.n_components"],
        seed=config["projection.seed"],
        train=STANDARDISE[config["projection.standardise"]](len(stimuli)),
        batch_size=snakemake.config["images"]["batch_size"],
        device=device,
    )
    provenance = record(
        snakemake,
        recipe,
        [stimuli.origin],
        part=spec.id,
        weights={spec.id: file_sha256(weights) if weights else f"random, seed {spec.seed}"},
        seed={"projection": config["projection.seed"]},
        device={"extract_geometry": [device_name(device)]},
    )
    write_geometry(
        snakemake.output.geometry,
        (geometry for _, geometry in geometries),
        image_ids=stimuli.image_ids,
        attributes={
            "model": spec.id,
            "stimuli": snakemake.wildcards.stimuli,
            "n_layers": len(inventory),
            "n_projections": config["projection.n_components"],
            "projection_seed": config["projection.seed"],
            "transform": snakemake.params.model["transform"],
        },
        provenance=provenance,
    )
