"""Score one layer (or block of layers) of a model against one subject: every region, every metric."""

import pyarrow as pa

from menagerie.brain.target import read_target
from menagerie.geometry import GeometryFile
from menagerie.inventory import block_range, read_inventory
from menagerie.jobs import job
from menagerie.linking import score_layer
from menagerie.provenance import record
from menagerie.tables import write_table

with job(snakemake.log[0]):
    first, last = block_range(snakemake.wildcards.layers)
    depth = {layer.index: layer.depth for layer in read_inventory(snakemake.input.layers)}
    target = read_target(snakemake.input.target)
    config, regions = snakemake.params.config, snakemake.params.regions
    with GeometryFile(snakemake.input.geometry) as geometries:
        tables = [
            score_layer(
                geometries.read(index),
                target,
                image_ids=geometries.image_ids,
                model=snakemake.wildcards.model,
                depth=depth[index],
                penalties=config["penalties"],
                metrics=config["metrics"],
                regions=None if regions == "all" else regions,
            )
            for index in geometries.indices
            if first <= index <= last
        ]
        provenance = record(config, geometry=geometries.attributes, target=dict(target.provenance))
    write_table(snakemake.output.scores, pa.concat_tables(tables), provenance)
