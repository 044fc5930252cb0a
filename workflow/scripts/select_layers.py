"""Select a model's best layer per subject, region, metric and fold on training images; report it on the test part."""

from menagerie.brain.groups import read_groups
from menagerie.brain.splits import read_splits, splits_origin
from menagerie.brain.target import read_target
from menagerie.files.geometry import GeometryFile
from menagerie.files.tables import read_tables, write_table
from menagerie.linking.evaluate import Evaluated, evaluate_layers
from menagerie.linking.measures import need_repeats
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
    groups_of = {Path(path).stem: path for path in snakemake.input.groups}
    origins += map(splits_origin, [*snakemake.input.splits, *snakemake.input.groups])
    folds = {}
    for target in map(read_target, snakemake.input.targets):  # twice, since all of them would fill the memory
        own = read_splits(splits_of[target.dataset], target.subject)
        folds[target.dataset, target.subject] = FoldsOf(target.stimuli, own)
    selected = select_layers(layers, ways, folds)
    found, with_repeats = [], need_repeats(config["metrics"])
    for target in (read_target(path, with_repeats=with_repeats) for path in snakemake.input.targets):
        with GeometryFile(geometry_of[target.stimuli]) as geometries:
            origins += [geometries.origin, target.origin]
            evaluated = evaluate_layers(
                selected,
                geometries.read,
                target,
                image_ids=geometries.image_ids,
                folds=folds[target.dataset, target.subject].folds,
                groups=read_groups(groups_of.get(target.dataset)),
                penalties=config["penalties"],
                training=config["training_predictions"],
                n_resamples=config["bootstrap.n_resamples"],
                seed=config["bootstrap.seed"],
                n_permutations=config["permutations.n_permutations"],
                permutation_seed=config["permutations.seed"],
            )
        found.append(evaluated)
    seeds = {name: config[f"{name}.seed"] for name in ("bootstrap", "permutations")}
    provenance = record(snakemake, recipe, origins, seed=seeds)
    for name in Evaluated._fields:
        write_table(snakemake.output[name], pa.concat_tables(getattr(one, name) for one in found), provenance)
