"""Put the scores of all layers of one model into one table."""

import pyarrow as pa

from menagerie.jobs import job
from menagerie.lineage import record
from menagerie.tables import read_tables, write_table

with job(snakemake.log[0]):
    tables, origins = read_tables(snakemake.input.scores, snakemake.params.expected)
    write_table(snakemake.output.scores, pa.concat_tables(tables), record(snakemake, origins=origins))
