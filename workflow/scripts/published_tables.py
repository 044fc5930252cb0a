"""Write the published scores and what is known of their models as the tables of a run."""

from menagerie.files.tables import write_table
from menagerie.models.registry import ModelSpec
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.published import model_table, read_published, score_table

with job(snakemake) as recipe:
    params = snakemake.params
    published = read_published(params.folder, params.registry)
    source = f"published tables of Conwell et al. (2024), {params.folder}"
    provenance = record(snakemake, recipe, source={"published": source})
    write_table(snakemake.output.model_scores, score_table(published), provenance)
    write_table(snakemake.output.models, model_table(published, map(ModelSpec.from_row, params.models)), provenance)
