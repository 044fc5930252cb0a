"""Put the data of one experiment together and estimate its effects."""

from menagerie.files.tables import read_tables, write_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.contrasts import experiment_data, experiment_effects, join_metadata, left_out
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.persons import draws_of, person_effects
from menagerie.statistics.schemas import SCHEMAS, described
from menagerie.statistics.views import by_view

import json

import pandas as pd
import pyarrow as pa

with job(snakemake) as recipe:
    definition = snakemake.params.experiment
    experiment = Experiment.from_entry(snakemake.wildcards.experiment, definition)
    tables, origins = read_tables([snakemake.input.scores, snakemake.input.models, *snakemake.input.resamples], recipe)
    scores, models, *drawn = (table.to_pandas() for table in tables)
    joined = join_metadata(by_view(scores), models)
    reason = left_out(experiment, joined)
    data = experiment_data(experiment, joined)
    draws = draws_of(by_view(pd.concat(drawn))) if drawn else {}
    effects = pd.concat([experiment_effects(experiment, data), person_effects(experiment, data, draws)])
    effects = effects.reindex(columns=SCHEMAS["effects"].names)
    told = {"definition": json.dumps(definition), "left_out": reason}
    told = {key: {experiment.name: text} for key, text in told.items()}
    provenance = record(snakemake, recipe, origins, part=experiment.name, **told)
    if reason:
        print(reason)
    write_table(snakemake.output.data, described(pa.Table.from_pandas(data, preserve_index=False)), provenance)
    write_table(
        snakemake.output.effects,
        pa.Table.from_pandas(effects, schema=SCHEMAS["effects"], preserve_index=False),
        provenance,
    )
