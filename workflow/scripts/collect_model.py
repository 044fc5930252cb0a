"""Put the scores of all layers of one model into one table."""

import pyarrow as pa

from menagerie.jobs import job
from menagerie.tables import read_provenance, read_table, write_table

with job(snakemake.log[0]):
    paths = snakemake.input.scores
    write_table(snakemake.output.scores, pa.concat_tables(map(read_table, paths)), read_provenance(paths[0]))
