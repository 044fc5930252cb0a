"""Draw findings by datasets, person by person, for pages and for phones."""

from menagerie.figures import style
from menagerie.figures.replication import replication_figure
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job
from menagerie.statistics.experiments import Experiment

with job(snakemake) as recipe:
    experiments = {name: Experiment.from_entry(name, entry) for name, entry in snakemake.params.experiments.items()}
    (table,), _ = read_tables([snakemake.input.table], recipe)
    rows = table.to_pandas()
    for path, width in ((snakemake.output.svg, style.PAGE_WIDTH), (snakemake.output.narrow, style.NARROW_WIDTH)):
        style.save(replication_figure(experiments, rows, width=width), path.removesuffix(".svg"))
