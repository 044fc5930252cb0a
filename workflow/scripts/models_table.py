"""Write what is known about every model of the run: the metadata that experiments group by."""

import pyarrow as pa

from menagerie.jobs import job
from menagerie.tables import write_table

with job(snakemake.log[0]):
    write_table(snakemake.output.table, pa.Table.from_pylist(snakemake.params.models), {})
