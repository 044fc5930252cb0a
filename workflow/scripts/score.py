"""Score one layer (or block of layers) of a model against one subject: every region, every metric."""

from menagerie.brain.groups import read_groups
from menagerie.brain.splits import read_splits, splits_origin
from menagerie.brain.target import read_target
from menagerie.files.geometry import GeometryFile
from menagerie.files.inventory import block_range
from menagerie.files.tables import write_table
from menagerie.linking.blocks import score_block
from menagerie.linking.edges import edge_lines
from menagerie.linking.kept import made_from_by_metric, read_kept
from menagerie.linking.measures import need_repeats
from menagerie.linking.score import brains_of, score_layer
from menagerie.provenance.code import value_fingerprint
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

from importlib import import_module

import numpy as np

with job(snakemake) as recipe:
    given, params = snakemake.input, snakemake.params
    first, last = block_range(snakemake.wildcards.layers)
    metrics = params.config["metrics"]
    target = read_target(given.target, with_repeats=need_repeats(metrics))
    device = snakemake.config["score_on"]
    array, processor = np.asarray, device
    if device == "gpu":  # torch takes seconds to import: only those who use it wait
        gpu = import_module("menagerie.features.device")
        array, processor = gpu.on_gpu(), gpu.device_name("cuda")
    tested = {}
    if params.tested:
        against = import_module("menagerie.linking.layer_p").against_chance
        tested["p"] = against(params.tested["n_permutations"], params.tested["seed"])
    with GeometryFile(given.geometry) as geometries:
        regions = None if params.regions == "all" else params.regions
        folds = read_splits(given.splits, target.subject)
        brains = brains_of(
            target, geometries.image_ids, folds, regions, array, read_groups(given.groups[0] if given.groups else None)
        )

        wanted = made_from_by_metric(recipe, device)
        kept = read_kept(snakemake.output.scores, wanted, recipe.fingerprint)
        missing = [metric for metric in metrics if metric not in kept.metrics]

        def score(index):
            new = score_layer(
                geometries.read(index),
                brains,
                model=snakemake.wildcards.model,
                depth=geometries.depth(index),
                penalties=params.config["penalties"],
                training=params.config["training_predictions"],
                metrics=missing,
                **tested,
            )
            return kept.beside(new, index, metrics)

        table = score_block(
            [index for index in geometries.indices if first <= index <= last],
            score,
            snakemake.output.scores,
            value_fingerprint([recipe.fingerprint, device]),
        )
        provenance = record(
            snakemake,
            recipe,
            [geometries.origin, target.origin, splits_origin(given.splits)],
            device={"score": [processor]},
            regions={target.dataset: ", ".join(regions or ["all"])},
        )
    print(f"Scored {', '.join(missing) or 'nothing'}; taken over: {', '.join(kept.metrics) or 'nothing'}.")
    for line in edge_lines(table.to_pylist()):
        print(line)
    write_table(snakemake.output.scores, table, provenance | {"measures": wanted})
