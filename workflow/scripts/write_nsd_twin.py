"""Write a simulated twin of the Natural Scenes Dataset, with layers of networks planted where the spec says so."""

from menagerie.brain.nsd.layout import image_id
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.features.planted import planted_features
from menagerie.provenance.jobs import job
from menagerie.twins.nsd.twin import make_design, photograph_ids, write_twin
from menagerie.twins.nsd.twin_command import photograph_source, read_spec

from pathlib import Path
from tempfile import TemporaryDirectory

with job(snakemake):
    spec, keys = read_spec(snakemake.input.spec)
    photographs = photograph_source(spec, keys["photographs"])
    features = None
    if keys["planted"]:
        planted = {region: (entry["model"], entry["layer"]) for region, entry in keys["planted"].items()}
        ids = photograph_ids(spec, make_design(spec)).tolist()
        with TemporaryDirectory() as folder:
            path = Path(folder) / "photographs.h5"
            write_stimuli(path, map(photographs, ids), map(image_id, ids), {})
            features = planted_features(Stimuli(path), planted, snakemake.params.models, snakemake.input.weights)
    write_twin(Path(snakemake.output.design).parents[3], spec, features, photographs)
