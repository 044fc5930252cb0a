"""Write the page of the replication: one page that needs nothing but itself."""

from menagerie.files.storage import atomic
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job
from menagerie.report.about import about_datasets
from menagerie.report.figures import ReportFigure
from menagerie.report.replication_page import render_replication
from menagerie.report.sections import is_simulated
from menagerie.statistics.experiments import Experiment

from pathlib import Path

with job(snakemake) as recipe:
    given, params = snakemake.input, snakemake.params
    experiments = {name: Experiment.from_entry(name, entry) for name, entry in params.experiments.items()}
    (table,), _ = read_tables([given.table], recipe)
    caption = Path(snakemake.scriptdir).parent / "report" / "replication.rst"
    figure = ReportFigure("Findings by datasets", Path(given.svg), caption, narrow=Path(given.narrow))
    about = about_datasets(given.targets)
    simulated = {view: is_simulated(about.get(dataset, {})) for view, dataset in params.views.items()}
    page = render_replication(params.run, params.compared, experiments, table.to_pandas(), figure, simulated)
    with atomic(snakemake.output.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
