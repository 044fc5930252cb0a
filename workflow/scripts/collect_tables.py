"""Put the tables of all models together; only here are all subjects known that share a noise ceiling."""

import pyarrow as pa

from menagerie.jobs import job
from menagerie.statistics.explained import add_explained
from menagerie.tables import read_table, shared_provenance, write_table

with job(snakemake.log[0]):
    for name, output in snakemake.output.items():
        paths = snakemake.input[name]
        table = pa.concat_tables(map(read_table, paths))
        write_table(output, add_explained(table) if name == "model_scores" else table, shared_provenance(paths, {}))
