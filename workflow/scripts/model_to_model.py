"""Compare the selected layers of every two models, raw and re-weighted, for one subject."""

from menagerie.brain.splits import read_splits, splits_origin
from menagerie.brain.target import read_target
from menagerie.files.geometry import GeometryFile, geometry_origin
from menagerie.files.tables import read_tables, write_table
from menagerie.linking.comparison import Brain
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.representations import compare_models, layer_reader
from menagerie.statistics.schemas import SCHEMAS
from menagerie.statistics.views import first_view

import pyarrow as pa

with job(snakemake) as recipe:
    target = read_target(snakemake.input.target)
    with GeometryFile(snakemake.input.geometry[0]) as first:
        brain = Brain(target, first.image_ids, read_splits(snakemake.input.splits, target.subject)[0])
    (table,), origins = read_tables([snakemake.input.scores], recipe)
    origins += [target.origin, splits_origin(snakemake.input.splits), *map(geometry_origin, snakemake.input.geometry)]
    provenance = record(snakemake, recipe, origins)
    scores = table.to_pandas()
    scores = first_view(scores[(scores["dataset"] == target.dataset) & (scores["subject"] == target.subject)])
    tables = compare_models(scores, layer_reader(snakemake.input.geometry), brain, **snakemake.params.ridge)
    for name, table in zip(("similarity", "map"), tables, strict=True):
        rows = pa.Table.from_pandas(table, schema=SCHEMAS[name], preserve_index=False)
        write_table(snakemake.output[name], rows, provenance)
