"""Put every printed number of the 2024 survey beside its value from the published tables, and ours."""

from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.reproduce import Paper, reproduce, write_reproduction

with job(snakemake) as recipe:
    params, output = snakemake.params, snakemake.output
    table = reproduce(Paper(params.folder, params.registry, params.experiments))
    provenance = record(snakemake, recipe)
    write_reproduction(table, output.markdown, output.table, provenance)
