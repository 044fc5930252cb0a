"""Draw score against layer depth for one dataset."""

from menagerie.brain.readers.simulated import planted_depths
from menagerie.figures.depth import depth_profiles
from menagerie.figures.style import save
from menagerie.jobs import job
from menagerie.tables import read_table

with job(snakemake.log[0]):
    names = ("layer_scores", "model_scores", "models")
    tables = [read_table(snakemake.input[name]).to_pandas() for name in names]
    inventories = snakemake.input.planted
    planted = planted_depths(snakemake.params.options, inventories) if inventories else None
    figure = depth_profiles(*tables, snakemake.wildcards.dataset, planted=planted)
    save(figure, snakemake.output.svg.removesuffix(".svg"))
