"""Put the scores of all layers of one model into one table."""

import pyarrow as pa

from menagerie.files.tables import read_tables, write_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

with job(snakemake) as recipe:
    tables, origins = read_tables(snakemake.input.scores, recipe)
    write_table(snakemake.output.scores, pa.concat_tables(tables), record(snakemake, recipe, origins))
