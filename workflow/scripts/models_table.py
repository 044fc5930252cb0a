"""Write what is known about every model of the run: the metadata that experiments group by."""

from menagerie.files.tables import write_table
from menagerie.models.columns import models_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

with job(snakemake) as recipe:
    models = snakemake.params.models
    write_table(snakemake.output.table, models_table(models), record(snakemake, recipe))
