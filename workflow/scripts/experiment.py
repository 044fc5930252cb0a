"""Put the data of one experiment together and estimate its effects."""

import pyarrow as pa

from menagerie.jobs import job
from menagerie.provenance import value_fingerprint
from menagerie.statistics.contrasts import experiment_data, experiment_effects, join_metadata, left_out
from menagerie.statistics.experiments import Experiment
from menagerie.tables import SCHEMAS, read_table, write_table

with job(snakemake.log[0]):
    definition = snakemake.params.experiment
    experiment = Experiment.from_entry(snakemake.wildcards.experiment, definition)
    scores, models = (read_table(path).to_pandas() for path in (snakemake.input.scores, snakemake.input.models))
    joined = join_metadata(scores, models)
    reason = left_out(experiment, joined)
    data = experiment_data(experiment, joined)
    effects = experiment_effects(experiment, data)
    provenance = {"experiment": definition, "fingerprint": value_fingerprint(definition), "left_out": reason}
    if reason:
        print(reason)
    write_table(snakemake.output.data, pa.Table.from_pandas(data, preserve_index=False), provenance)
    write_table(
        snakemake.output.effects,
        pa.Table.from_pandas(effects, schema=SCHEMAS["effects"], preserve_index=False),
        provenance,
    )
