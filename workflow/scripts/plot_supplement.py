"""Draw the supplementary figure of every dataset, for pages and for phones."""

from menagerie.figures import style
from menagerie.figures.supplement import supplement_figure
from menagerie.files.param_text import from_param
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job

with job(snakemake) as recipe:
    (table,), _ = read_tables([snakemake.input.data], recipe)
    data = table.to_pandas()
    for paths, width in ((snakemake.output.svg, style.PAGE_WIDTH), (snakemake.output.narrow, style.NARROW_WIDTH)):
        for (dataset, note), path in zip(from_param(snakemake.params.notes).items(), paths, strict=True):
            style.save(supplement_figure(data, dataset, width=width), path.removesuffix(".svg"), note)
