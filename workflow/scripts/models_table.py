"""Write what is known about every model of the run: the metadata that experiments group by."""

from menagerie.jobs import job
from menagerie.lineage import record
from menagerie.tables import models_table, write_table

with job(snakemake.log[0]):
    models = snakemake.params.models
    write_table(snakemake.output.table, models_table(models), record(snakemake, models))
