"""Write a simulated twin of the Natural Scenes Dataset, with layers of networks planted where the spec says so."""

from pathlib import Path
from tempfile import TemporaryDirectory

from menagerie.brain.nsd.layout import image_id
from menagerie.brain.nsd.twin import make_design, photograph_ids, write_twin
from menagerie.brain.nsd.twin_command import photograph_source, read_spec
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.features.collect import layer_features
from menagerie.features.images import ImageLoader
from menagerie.jobs import job
from menagerie.models.build import build_model
from menagerie.models.registry import ModelSpec


def planted_features(stimuli, planted, models, weights):
    """Region -> features (images, p) of the layer planted there."""
    features = {}
    for entry in models:
        spec = ModelSpec.from_row(entry["spec"])
        file = next(weights) if spec.training == "trained" else None
        loaded = build_model(spec, file, transform=entry["transform"])
        regions = {region: plan["layer"] for region, plan in planted.items() if plan["model"] == spec.id}
        found = layer_features(loaded.module, ImageLoader(stimuli, loaded.transform), list(regions.values()))
        features |= {region: found[layer] for region, layer in regions.items()}
    return features


with job(snakemake.log[0]):
    spec, keys = read_spec(snakemake.input.spec)
    photographs = photograph_source(spec, keys["photographs"])
    planted = None
    if keys["planted"]:
        ids = photograph_ids(spec, make_design(spec)).tolist()
        with TemporaryDirectory() as folder:
            path = Path(folder) / "photographs.h5"
            write_stimuli(path, map(photographs, ids), map(image_id, ids), {})
            weights = iter(snakemake.input.weights)
            planted = planted_features(Stimuli(path), keys["planted"], snakemake.params.models, weights)
    write_twin(Path(snakemake.output.design).parents[3], spec, planted, photographs)
