"""Draw the overview of one dataset, for pages and for phones."""

from menagerie.brain.splits import read_splits
from menagerie.brain.target import read_target
from menagerie.figures import style
from menagerie.figures.overview import overview_figure
from menagerie.figures.overview_table import link_best, networks_by_experiment, networks_by_source, reliability
from menagerie.figures.tidy import model_metadata
from menagerie.files.geometry import GeometryFile
from menagerie.files.tables import read_tables
from menagerie.linking.comparison import Brain
from menagerie.provenance.jobs import job
from menagerie.statistics.representations import layer_reader
from menagerie.statistics.views import first_view

from pathlib import Path


def first_fold(subject):
    return read_splits(snakemake.input.splits, subject)[0]


with job(snakemake) as recipe:
    dataset, given = snakemake.wildcards.dataset, snakemake.input
    tables, _ = read_tables([given.scores, given.models, *given.data], recipe)
    scores, models, *data = (table.to_pandas() for table in tables)
    target = read_target(given.targets[0])
    with GeometryFile(given.geometry[0]) as first:
        brain = Brain(target, first.image_ids, first_fold(target.subject))
    own = first_view(scores[(scores["dataset"] == dataset) & (scores["subject"] == target.subject)])
    metadata = model_metadata(models)
    parts = {
        "reliable": reliability(map(read_target, given.targets), first_fold),
        "sources": networks_by_source(models),
        "experiments": networks_by_experiment(
            {Path(path).parent.name: table for path, table in zip(given.data, data, strict=True)}
        ),
        "linked": link_best(own, layer_reader(given.geometry), brain, **snakemake.params.ridge),
        "names": dict(zip(metadata["model"], metadata["display_name"], strict=True)),
    }
    for path, width in ((snakemake.output.svg, style.PAGE_WIDTH), (snakemake.output.narrow, style.NARROW_WIDTH)):
        style.save(overview_figure(**parts, dataset=dataset, width=width), path.removesuffix(".svg"))
