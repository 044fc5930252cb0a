"""Write the report: one page that needs nothing but itself."""

from menagerie.brain.readers.simulated import planted_depths
from menagerie.files.layer_counts import count_layers
from menagerie.files.layer_patterns import selection_of
from menagerie.files.paths import without_folders
from menagerie.files.storage import atomic
from menagerie.files.tables import read_tables
from menagerie.provenance.code import versions
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import differences, unite
from menagerie.report import ReportExperiment, ReportView, figures_of, render_report
from menagerie.report.about import about_datasets
from menagerie.statistics.experiments import Experiment
from menagerie.statistics.persons import PERSON

from pathlib import Path

import pandas as pd

PACKAGES = ("menagerie", "snakemake", "torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn", "statsmodels")
CAPTIONS = Path(snakemake.scriptdir).parent / "report"

VIEWS = {name: ReportView(*view) for name, view in snakemake.params.views.items()}
SHOWN = dict.fromkeys([*VIEWS, *(view.dataset for view in VIEWS.values())])


def figures(family, title, name=""):
    return figures_of(snakemake.input.figures, family, title, SHOWN, CAPTIONS, name)


def experiment(name, entry):
    folder = results[name]
    return ReportExperiment(
        Experiment.from_entry(name, entry),
        data=table[str(folder / "data.parquet")],
        effects=table[str(folder / "effects.parquet")],
        left_out=made["left_out"][name],
        figures=[*figures("experiment", entry["title"], name), *people(name, entry["title"])],
    )


def people(name, title):
    """Figures of single subjects, of datasets that have some."""
    effects = table[str(results[name] / "effects.parquet")]
    told = set(effects.loc[effects["analysis"] == PERSON, "dataset"])
    return [one for one in figures("people", f"{title}: single subjects", name) if one.dataset in told]


with job(snakemake) as recipe:
    given, params = snakemake.input, snakemake.params
    paths = [*given.tables, *given.data, *given.effects, *given.similarity]
    tables, origins = read_tables(paths, recipe)
    table = {path: one.to_pandas() for path, one in zip(paths, tables, strict=True)}
    made = unite(origins)
    results = {Path(path).parent.name: Path(path).parent for path in given.effects}
    page = render_report(
        run=params.config["run"],
        **{Path(path).stem: table[path] for path in given.tables},
        figures=[
            *figures("overview", "Overview"),
            *figures("leaderboard", "Leaderboard"),
            *figures("depth", "Depth profile"),
        ],
        views=VIEWS,
        datasets=about_datasets(given.targets) or without_folders(params.sources),
        provenance={"versions": versions(PACKAGES), **differences(made), "config": without_folders(params.config)},
        planted={dataset: planted_depths(options, given.planted) for dataset, options in params.planted.items()},
        left_out=params.left_out,
        layers=[count_layers(path, selection_of(params.config["layers"], Path(path).stem)) for path in given.layers],
        experiments=[experiment(name, entry) for name, entry in params.experiments.items()],
        overall=table[str(results["overall"] / "effects.parquet")] if "overall" in results else None,
        overall_figures=[*figures("overall", "Variation over all models"), *figures("supplement", "What it rests on")],
        similarity=pd.concat(table[path] for path in given.similarity) if given.similarity else None,
        similarity_figures=figures("model_to_model", "Model to model"),
    )
    with atomic(snakemake.output.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
