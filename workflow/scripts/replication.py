"""Look for the findings of one dataset in others."""

from menagerie.files.tables import read_tables, write_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.contrasts import join_metadata
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.persons import draws_of
from menagerie.statistics.replication import Comparison, replication_table
from menagerie.statistics.schemas import SCHEMAS
from menagerie.statistics.views import by_view

import pandas as pd
import pyarrow as pa

with job(snakemake) as recipe:
    given, compared = snakemake.input, snakemake.params.compared
    tables, origins = read_tables([given.scores, given.models, *given.resamples], recipe)
    scores, models, *drawn = (table.to_pandas() for table in tables)
    table = replication_table(
        Comparison.from_entry(compared),
        {name: Experiment.from_entry(name, entry) for name, entry in snakemake.params.experiments.items()},
        join_metadata(by_view(scores), models),
        draws_of(by_view(pd.concat(drawn))) if drawn else {},
    )
    provenance = record(snakemake, recipe, origins)
    rows = pa.Table.from_pandas(
        table.reindex(columns=SCHEMAS["replication"].names), schema=SCHEMAS["replication"], preserve_index=False
    )
    write_table(snakemake.output.table, rows, provenance)
