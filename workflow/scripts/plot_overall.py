"""Draw the variation over all models in every dataset, for pages and for phones."""

from menagerie.figures import style
from menagerie.figures.overall import overall_figure
from menagerie.files.param_text import from_param
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job

with job(snakemake) as recipe:
    tables, _ = read_tables([snakemake.input.data, snakemake.input.effects], recipe)
    data, effects = (table.to_pandas() for table in tables)
    for paths, width in ((snakemake.output.svg, style.PAGE_WIDTH), (snakemake.output.narrow, style.NARROW_WIDTH)):
        for (dataset, note), path in zip(from_param(snakemake.params.notes).items(), paths, strict=True):
            style.save(overall_figure(data, effects, dataset, width=width), path.removesuffix(".svg"), note)
