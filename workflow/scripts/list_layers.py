"""Take the layer inventory of one model: built without weights, shown one small batch of noise."""

from menagerie.features.inventory import take_inventory
from menagerie.inventory import InventoryHeader, write_inventory
from menagerie.jobs import job
from menagerie.models.build import build_module, model_transform
from menagerie.models.registry import ModelSpec
from menagerie.provenance import value_fingerprint

with job(snakemake.log[0]):
    spec = ModelSpec.from_row(snakemake.params.model["spec"])
    size = model_transform(spec, snakemake.params.model["transform"]).input_size
    inventory = take_inventory(build_module(spec), (3, size, size))
    for skipped in inventory.skipped:
        print(f"no layer: {skipped.layer} ({skipped.class_name}): {skipped.reason}")
    made_from = value_fingerprint([snakemake.params.model, snakemake.params.code])
    write_inventory(snakemake.output.layers, inventory.layers, InventoryHeader(made_from, inventory.multiply_adds))
