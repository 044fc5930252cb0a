"""Compare the models of a run in one subject: differences of scores, intervals and tests."""

from menagerie.brain.groups import read_groups
from menagerie.brain.splits import read_splits, splits_origin
from menagerie.brain.target import read_target
from menagerie.files.geometry import GeometryFile, geometry_origin
from menagerie.files.tables import read_tables, write_table
from menagerie.linking.pairwise import compare_pairs
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.multiplicity import add_corrected
from menagerie.statistics.representations import layer_reader

import pyarrow as pa

with job(snakemake) as recipe:
    given, config = snakemake.input, snakemake.params.config
    target = read_target(given.target)
    with GeometryFile(given.geometry[0]) as first:
        image_ids = list(first.image_ids)
    tables, origins = read_tables([*given.folds, *given.resamples], recipe)
    folds, resamples = (pa.concat_tables(part) for part in (tables[: len(given.folds)], tables[len(given.folds) :]))
    origins += [
        target.origin,
        *map(splits_origin, [given.splits, *given.groups]),
        *map(geometry_origin, given.geometry),
    ]
    provenance = record(snakemake, recipe, origins, seed={"permutations": config["permutations.seed"]})
    pairs = compare_pairs(
        folds,
        resamples,
        layer_reader(given.geometry),
        target,
        image_ids=image_ids,
        folds=read_splits(given.splits, target.subject),
        groups=read_groups(next(iter(given.groups), None)),
        penalties=config["penalties"],
        training=config["training_predictions"],
        n_permutations=config["permutations.n_permutations"],
        seed=config["permutations.seed"],
    )
    write_table(snakemake.output.pairs, add_corrected(pairs), provenance)
