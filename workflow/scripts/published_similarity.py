"""Write the published model-to-model similarities, and a map of the models, as the tables of a run."""

from menagerie.files.tables import write_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.published import similarity_tables
from menagerie.statistics.schemas import SCHEMAS

import pyarrow as pa

with job(snakemake) as recipe:
    tables = similarity_tables(snakemake.params.folder, snakemake.params.registry)
    provenance = record(snakemake, recipe)
    for name, table in zip(("similarity", "map"), tables, strict=True):
        table = table.assign(dataset=snakemake.wildcards.dataset)
        rows = pa.Table.from_pandas(table, schema=SCHEMAS[name], preserve_index=False)
        write_table(snakemake.output[name], rows, provenance)
