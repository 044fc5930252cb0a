"""Put the comparisons of all subjects together."""

from menagerie.files.tables import read_tables, write_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

import pyarrow as pa

with job(snakemake) as recipe:
    tables, origins = read_tables(snakemake.input.pairs, recipe)
    write_table(snakemake.output.pairwise, pa.concat_tables(tables), record(snakemake, recipe, origins))
