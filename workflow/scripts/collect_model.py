"""Put the scores of all layers of one model into one table."""

from menagerie.files.tables import read_tables, write_table
from menagerie.linking.schemas import SCHEMAS
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

import pyarrow as pa

with job(snakemake) as recipe:
    tables, origins = read_tables(snakemake.input.scores, recipe)
    # A model of whose layers the config selects none has a table without rows.
    scores = pa.concat_tables(tables) if tables else SCHEMAS["layer_scores"].empty_table()
    write_table(snakemake.output.scores, scores, record(snakemake, recipe, origins))
