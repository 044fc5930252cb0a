"""Show a network new images and predict the responses of every unit to them, with the layers that were selected."""

from menagerie.brain.splits import read_splits, splits_origin
from menagerie.brain.stimuli import JoinedStimuli, Stimuli
from menagerie.brain.target import read_target
from menagerie.features.device import device_name, pick_device
from menagerie.features.extract import extract_geometry
from menagerie.features.image_loader import ImageLoader
from menagerie.features.projection import STANDARDISE
from menagerie.files.geometry import GeometryFile
from menagerie.files.inventory import read_inventory
from menagerie.files.tables import read_tables, write_table
from menagerie.linking.predict import check_kernel, predict_images, selected_layers
from menagerie.linking.schemas import SCHEMAS
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

import numpy as np
import pyarrow as pa

SCHEMA = SCHEMAS["predictions"]


def rows(predicted, units, place, image_ids):
    """Table of one subject and region, image by image."""
    n, m = len(units), len(image_ids)
    shared = {name: pa.DictionaryArray.from_arrays(pa.array([0] * n * m, pa.int8()), [place[name]]) for name in place}
    images = pa.DictionaryArray.from_arrays(pa.array(np.repeat(np.arange(m), n)), list(map(str, image_ids)))
    columns = shared | {"image": images, "unit": np.tile(units, m), "predicted": predicted.T.ravel()}
    return pa.table({name: columns[name] for name in SCHEMA.names}).cast(SCHEMA)


with job(snakemake) as recipe:
    given, params, config = snakemake.input, snakemake.params, snakemake.config
    spec = ModelSpec.from_row(params.model["spec"])
    loaded = build_model(spec, given.get("weights"), transform=params.model["transform"])
    old, new = Stimuli(given.stimuli), Stimuli(given.images)
    joined = JoinedStimuli(old, new)
    (folds,), origins = read_tables([given.folds], recipe)
    wanted = params.selected | {"dataset": snakemake.wildcards.dataset}
    selected = selected_layers(folds.to_pylist(), wanted)
    indices = sorted({index for of_fold in selected.values() for index in of_fold.values()})
    inventory = read_inventory(given.layers)
    device = pick_device(config["device"])
    train = STANDARDISE[params.extract["projection.standardise"]](len(old))
    found = {}
    with GeometryFile(given.geometry) as scored:
        origins += [scored.origin, old.origin, new.origin, splits_origin(given.splits)]
        for _, geometry in (
            extract_geometry(
                loaded.module,
                ImageLoader.on(device, joined, loaded.transform),
                [inventory[index] for index in indices],
                memory_budget=config["memory_budget_mb"] * 10**6,
                n_projections=params.extract["projection.n_components"],
                seed=params.extract["projection.seed"],
                train=np.concatenate([train, np.zeros(len(new), dtype=bool)]),
                batch_size=config["images"]["batch_size"],
                device=device,
            )
            if indices
            else ()
        ):
            if geometry.status == "ok":
                check_kernel(scored.read(geometry.index), geometry)
            found[geometry.index] = geometry
    tables = []
    for target in map(read_target, given.targets):
        origins.append(target.origin)
        by_fold = {
            fold.fold: fold for fold in read_splits(given.splits, target.subject) if fold.split == wanted["split"]
        }
        for region in target.region_names:
            of_fold = selected.get((target.subject, region), {})
            if not of_fold:
                print(
                    f"{target.subject}, {region}: no layer was selected by {wanted['metric']}, so nothing is predicted."
                )
                continue
            layers = [(found[index], by_fold[number]) for number, index in of_fold.items()]
            units, predicted = predict_images(
                layers,
                target,
                joined.image_ids,
                len(new),
                region,
                penalties=params.score["penalties"],
                training=params.score["training_predictions"],
            )
            place = {"dataset": target.dataset, "subject": target.subject, "model": spec.id}
            place |= {"region": region, "split": wanted["split"]}
            tables.append(rows(predicted, units, place, new.image_ids))
    provenance = record(snakemake, recipe, origins, part=spec.id, device={"predict": [device_name(device)]})
    write_table(snakemake.output.table, pa.concat_tables(tables) if tables else SCHEMA.empty_table(), provenance)
