"""Draw score against layer depth for one dataset, for pages and for phones."""

from menagerie.brain.readers.simulated import planted_depths
from menagerie.figures import style
from menagerie.figures.depth import depth_profiles
from menagerie.files.param_text import from_param
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job
from menagerie.statistics.views import by_view

with job(snakemake) as recipe:
    names = ("layer_scores", "model_scores", "models")
    tables, _ = read_tables([snakemake.input[name] for name in names], recipe)
    layers, scores, models = (table.to_pandas() for table in tables)
    view = snakemake.wildcards.dataset
    here = (layers["dataset"] == snakemake.params.dataset) & (layers["split"] == snakemake.params.split)
    frames = layers[here].assign(dataset=view), by_view(scores), models
    inventories = snakemake.input.planted
    planted = planted_depths(from_param(snakemake.params.options), inventories) if inventories else None
    for path, width in ((snakemake.output.svg, style.PAGE_WIDTH), (snakemake.output.narrow, style.NARROW_WIDTH)):
        figure = depth_profiles(*frames, view, planted=planted, width=width)
        style.save(figure, path.removesuffix(".svg"), from_param(snakemake.params.note))
