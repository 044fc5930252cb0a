"""Put the tables of all models together: only here are the subjects known that share a ceiling, and all tests."""

from menagerie.errors import MenagerieError
from menagerie.files.tables import read_tables, write_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.explained import add_explained
from menagerie.statistics.multiplicity import add_corrected
from menagerie.statistics.ties import add_ties

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
        if name == "model_scores":
            drawn, more = read_tables(snakemake.input.resamples, recipe)
            table = add_ties(add_corrected(add_explained(table)), pa.concat_tables(drawn))
            origins += more
        write_table(output, table, record(snakemake, recipe, origins))
