"""Draw one experiment in every dataset, for pages and for phones."""

from menagerie.figures import style
from menagerie.figures.experiment import experiment_figure
from menagerie.files.param_text import from_param
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job
from menagerie.statistics.experiments import Experiment

with job(snakemake) as recipe:
    experiment = Experiment.from_entry(snakemake.wildcards.experiment, from_param(snakemake.params.experiment))
    (table,), ((_, provenance),) = read_tables([snakemake.input.data], recipe)
    data, reason = table.to_pandas(), provenance["left_out"][experiment.name]
    for paths, width in ((snakemake.output.svg, style.PAGE_WIDTH), (snakemake.output.narrow, style.NARROW_WIDTH)):
        for (dataset, note), path in zip(from_param(snakemake.params.notes).items(), paths, strict=True):
            figure = experiment_figure(experiment, data, dataset, reason=reason, width=width)
            style.save(figure, path.removesuffix(".svg"), note)
