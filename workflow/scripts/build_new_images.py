"""Write new images, to which responses are predicted, as a stimulus set."""

from menagerie.brain.stimuli import write_stimuli
from menagerie.brain.user_files.image_folder import read_folder
from menagerie.provenance.jobs import job
from menagerie.provenance.sources import remember_sources
from menagerie.survey.predictions import LEAST

from pathlib import Path

with job(snakemake) as recipe:
    images, image_ids, provenance = read_folder(Path(snakemake.params.folder), LEAST)
    write_stimuli(snakemake.output.images, images, image_ids, provenance | {"made_from": recipe.fingerprint})
    remember_sources(snakemake)
