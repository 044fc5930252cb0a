"""Write a simulated twin of LAION-fMRI, with layers of networks planted where the spec says so."""

from menagerie.brain.laion.images import read_images
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.features.planted import planted_features
from menagerie.provenance.jobs import job
from menagerie.twins.laion.twin import write_twin
from menagerie.twins.laion.twin_command import make_images, read_spec
from menagerie.twins.laion.twin_files import write_images

from pathlib import Path
from tempfile import TemporaryDirectory

with job(snakemake):
    spec, keys = read_spec(snakemake.input.spec)
    contents = make_images(spec, keys["pictures"])
    features = {"planted": None, "planted_ood": None}
    rows = {label: row for row, label in enumerate(contents)}
    with TemporaryDirectory() as folder:
        write_images(Path(folder), contents)
        for name, labels in (("planted", spec.common), ("planted_ood", spec.ood)):
            if keys[name]:
                layers = {region: (entry["model"], entry["layer"]) for region, entry in keys[name].items()}
                path = Path(folder) / f"{name}.h5"
                write_stimuli(path, read_images(Path(folder), labels, rows), labels, {})
                models = snakemake.params.models
                features[name] = planted_features(Stimuli(path), layers, models, snakemake.input.weights)
    write_twin(Path(snakemake.output.description).parent, spec, **features, contents=contents)
