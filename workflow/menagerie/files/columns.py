"""Columns that several tables share. The schema of a table lies next to the code that writes it."""

from __future__ import annotations

import pyarrow as pa


def column(name: str, kind: pa.DataType, *, meaning: str, unit: str = "") -> pa.Field:
    """Column of a table; its meaning does not count as code (:mod:`menagerie.provenance.code`)."""
    return pa.field(name, kind, metadata={"meaning": meaning, "unit": unit})


TEXT, REAL, WHOLE, FLAG = pa.string(), pa.float64(), pa.int32(), pa.bool_()

WHO = [
    column("dataset", TEXT, meaning="brain dataset, as named in the config"),
    column("subject", TEXT, meaning="subject (a person, an animal or a simulation)"),
    column("model", TEXT, meaning="model id, as in config/models.tsv"),
]
LAYER = [
    column("layer", TEXT, meaning="module path of the layer inside the network"),
    column("layer_index", WHOLE, meaning="position of the layer in the model's inventory, from 0"),
    column("depth", REAL, meaning="relative depth: 0 first layer, 1 last layer", unit="fraction"),
]
SCALE = [
    column("n_images", WHOLE, meaning="images that the score rests on", unit="images"),
    column(
        "n_units", WHOLE, meaning="units (voxels, neurons) of the region; 0 for datasets with RSMs only", unit="units"
    ),
]
REGION = column("region", TEXT, meaning="brain region")
METRIC = column("metric", TEXT, meaning="name of the metric (docs/measures.md)")
SPLIT = column("split", TEXT, meaning="split of the images: even_odd, or as named in the config (docs/splits.md)")
FOLD = column("fold", WHOLE, meaning="fold of the split, from 0")
PART = column("part", TEXT, meaning="train (selects the layer) or test (is reported)")
STATUS = column("status", TEXT, meaning="ok, or the reason why there is no score")
