"""Select a model's best layer per subject, region, metric and fold on training images; report it on the test part."""

from menagerie.brain.folds import overlapping_splits
from menagerie.brain.splits import read_splits, splits_origin
from menagerie.brain.target import read_target
from menagerie.files.geometry import GeometryFile
from menagerie.files.tables import read_tables, write_table
from menagerie.linking.evaluate import evaluate_layers
from menagerie.linking.fold_means import mean_over_folds
from menagerie.linking.select import FoldsOf, select_layers
from menagerie.linking.select_on import SelectOn
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

from pathlib import Path

import pyarrow as pa

with job(snakemake) as recipe:
    (layers,), origins = read_tables([snakemake.input.scores], recipe)
    ways = {name: [SelectOn(**how) for how in entries] for name, entries in snakemake.params.select_on.items()}
    config = snakemake.params.config
    geometry_of = {Path(path).parent.name: path for path in snakemake.input.geometry}
    splits_of = {Path(path).stem: path for path in snakemake.input.splits}
    origins += map(splits_origin, snakemake.input.splits)
    folds = {}
    for target in map(read_target, snakemake.input.targets):  # twice, since all of them would fill the memory
        own = read_splits(splits_of[target.dataset], target.subject)
        folds[target.dataset, target.subject] = FoldsOf(target.stimuli, own)
    selected = select_layers(layers, ways, folds)
    scores, units = [], []
    for target in map(read_target, snakemake.input.targets):
        with GeometryFile(geometry_of[target.stimuli]) as geometries:
            origins += [geometries.origin, target.origin]
            tables = evaluate_layers(
                selected,
                geometries.read,
                target,
                image_ids=geometries.image_ids,
                folds=folds[target.dataset, target.subject].folds,
                penalties=config["penalties"],
                training=config["training_predictions"],
                n_resamples=config["bootstrap.n_resamples"],
                seed=config["bootstrap.seed"],
            )
        scores.append(tables[0])
        units.append(tables[1])
    provenance = record(snakemake, recipe, origins, seed={"bootstrap": config["bootstrap.seed"]})
    by_fold = pa.concat_tables(scores)
    write_table(snakemake.output.folds, by_fold, provenance)
    overlapping = {(*owner, split) for owner, of in folds.items() for split in overlapping_splits(of.folds)}
    write_table(snakemake.output.selected, mean_over_folds(by_fold, overlapping), provenance)
    write_table(snakemake.output.units, pa.concat_tables(units), provenance)
