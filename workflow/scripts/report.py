"""Write the report: one page that needs nothing but itself."""

from pathlib import Path

from menagerie.brain.readers.simulated import planted_depths
from menagerie.brain.target import read_provenance
from menagerie.jobs import job
from menagerie.provenance import versions
from menagerie.report import ReportFigure, render_report
from menagerie.storage import atomic
from menagerie.tables import read_table

PACKAGES = ("menagerie", "snakemake", "torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn")
CAPTIONS = Path(snakemake.scriptdir).parent / "report"


def figures(paths, kind, title):
    """Figures of one kind, one per dataset."""
    caption = CAPTIONS / f"{kind}.rst"
    return [
        ReportFigure(title, path, caption, path.stem.removeprefix(f"{kind}_"), path.parent / "narrow" / path.name)
        for path in map(Path, paths)
    ]


with job(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    tables = {name: read_table(given[name]).to_pandas() for name in ("layer_scores", "model_scores", "models")}
    page = render_report(
        run=params.config["run"],
        **tables,
        figures=[
            *figures(given.leaderboards, "leaderboard", "Leaderboard"),
            *figures(given.depths, "depth", "Depth profile"),
        ],
        datasets={Path(path).parent.name: read_provenance(path) for path in given.targets},
        provenance={"versions": versions(PACKAGES), "config": params.config},
        planted={dataset: planted_depths(options, given.planted) for dataset, options in params.planted.items()},
    )
    with atomic(snakemake.output.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
