"""Put the scores of all layers of one model into one table."""

import pyarrow as pa

from menagerie.jobs import job
from menagerie.tables import read_table, shared_provenance, write_table

with job(snakemake.log[0]):
    paths = snakemake.input.scores
    provenance = shared_provenance(paths, snakemake.params.get("expected", {}))
    write_table(snakemake.output.scores, pa.concat_tables(map(read_table, paths)), provenance)
