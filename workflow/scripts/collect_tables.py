"""Put the tables of all models together; only here are all subjects known that share a noise ceiling."""

from menagerie.errors import MenagerieError
from menagerie.files.tables import read_tables, write_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.explained import add_explained

import pyarrow as pa

with job(snakemake) as recipe:
    for name, output in snakemake.output.items():
        tables, origins = read_tables(snakemake.input[name], recipe)
        table = pa.concat_tables(tables)
        if not len(table) and name == "layer_scores":
            raise MenagerieError(
                f"Config key layers: found {snakemake.config['layers']}, which selects no layer of any model; expected "
                "patterns over their names. The folder layers/ of the run lists these; correct the patterns."
            )
        table = add_explained(table) if name == "model_scores" else table
        write_table(output, table, record(snakemake, recipe, origins))
