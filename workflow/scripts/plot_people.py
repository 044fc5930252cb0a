"""Draw one experiment subject by subject in every dataset, for pages and for phones."""

from menagerie.figures import style
from menagerie.figures.people import people_figure
from menagerie.files.param_text import from_param
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job
from menagerie.statistics.experiments import Experiment

with job(snakemake) as recipe:
    experiment = Experiment.from_entry(snakemake.wildcards.experiment, from_param(snakemake.params.experiment))
    (table,), _ = read_tables([snakemake.input.effects], recipe)
    effects = table.to_pandas()
    for paths, width in ((snakemake.output.svg, style.PAGE_WIDTH), (snakemake.output.narrow, style.NARROW_WIDTH)):
        for (dataset, note), path in zip(from_param(snakemake.params.notes).items(), paths, strict=True):
            style.save(people_figure(experiment, effects, dataset, width=width), path.removesuffix(".svg"), note)
