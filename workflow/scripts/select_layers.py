"""Select the best layer of a model per subject, region and metric on the training half; report it on the test half."""

from pathlib import Path

import pyarrow as pa

from menagerie.brain.target import read_target
from menagerie.files.geometry import GeometryFile
from menagerie.files.tables import read_tables, write_table
from menagerie.linking.evaluate import evaluate_layers
from menagerie.linking.select import select_layers
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

with job(snakemake) as recipe:
    (layers,), origins = read_tables([snakemake.input.scores], recipe)
    selected = select_layers(layers)
    config = snakemake.params.config
    geometry_of = {Path(path).parent.name: path for path in snakemake.input.geometry}
    scores, units = [], []
    for target_path in snakemake.input.targets:
        target = read_target(target_path)
        with GeometryFile(geometry_of[target.stimuli]) as geometries:
            origins += [geometries.origin, target.origin]
            tables = evaluate_layers(
                selected,
                geometries.read,
                target,
                image_ids=geometries.image_ids,
                penalties=config["penalties"],
                n_resamples=config["bootstrap.n_resamples"],
                seed=config["bootstrap.seed"],
            )
        scores.append(tables[0])
        units.append(tables[1])
    provenance = record(snakemake, recipe, origins, seed={"bootstrap": config["bootstrap.seed"]})
    write_table(snakemake.output.selected, pa.concat_tables(scores), provenance)
    write_table(snakemake.output.units, pa.concat_tables(units), provenance)
