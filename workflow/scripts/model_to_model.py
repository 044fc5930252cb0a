"""Compare the selected layers of every two models, raw and re-weighted, for one subject."""

from pathlib import Path

import pyarrow as pa

from menagerie.brain.target import read_target
from menagerie.geometry import GeometryFile
from menagerie.jobs import job
from menagerie.linking.comparison import Brain
from menagerie.statistics.representations import compare_models
from menagerie.tables import SCHEMAS, read_table, write_table

with job(snakemake.log[0]):
    target = read_target(snakemake.input.target)
    paths = {Path(path).stem: path for path in snakemake.input.geometry}
    with GeometryFile(next(iter(paths.values()))) as first:
        brain = Brain(target, first.image_ids)

    def read_layer(model, index):
        with GeometryFile(paths[model]) as file:
            return file.read(index)

    scores = read_table(snakemake.input.scores).to_pandas()
    scores = scores[(scores["dataset"] == target.dataset) & (scores["subject"] == target.subject)]
    tables = compare_models(scores, read_layer, brain, snakemake.params.config["penalties"])
    for name, table in zip(("similarity", "map"), tables, strict=True):
        rows = pa.Table.from_pandas(table, schema=SCHEMAS[name], preserve_index=False)
        write_table(snakemake.output[name], rows, {})
