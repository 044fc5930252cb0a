"""Take the layer inventory of one model: built without weights, shown one small batch of noise."""

from menagerie.features.take_inventory import take_inventory
from menagerie.files.inventory import InventoryHeader, write_inventory
from menagerie.models.build import build_module, model_transform
from menagerie.models.registry import ModelSpec
from menagerie.provenance.jobs import job

with job(snakemake) as recipe:
    spec = ModelSpec.from_row(snakemake.params.model["spec"])
    size = model_transform(spec, snakemake.params.model["transform"]).input_size
    inventory = take_inventory(build_module(spec), (3, size, size))
    header = InventoryHeader(recipe.fingerprint, inventory.multiply_adds)
    write_inventory(snakemake.output.layers, inventory.layers, header, inventory.skipped)
