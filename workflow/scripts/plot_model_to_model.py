"""Draw how alike models are to each other in one dataset, for pages and for phones."""

from menagerie.figures import style
from menagerie.figures.model_to_model import model_to_model_figure
from menagerie.figures.model_to_model_table import model_maps, model_sets
from menagerie.files.param_text import from_param
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job
from menagerie.statistics.experiments import Experiment

from pathlib import Path

import pandas as pd

with job(snakemake) as recipe:
    paths = [*snakemake.input.similarity, snakemake.input.models, *snakemake.input.data]
    tables, _ = read_tables(paths, recipe)
    frames = dict(zip(paths, (table.to_pandas() for table in tables), strict=True))
    similarity = pd.concat([frames[path] for path in snakemake.input.similarity], ignore_index=True)
    data = {Path(path).parent.name: frames[path] for path in snakemake.input.data}
    experiments = [Experiment.from_entry(*entry) for entry in from_param(snakemake.params.experiments).items()]
    maps = model_maps(similarity, frames[snakemake.input.models])
    where = f"{snakemake.wildcards.dataset} {similarity['region'].iloc[0]}"
    for path, width in ((snakemake.output.svg, style.PAGE_WIDTH), (snakemake.output.narrow, style.NARROW_WIDTH)):
        figure = model_to_model_figure(maps, model_sets(experiments, data), where, width=width)
        style.save(figure, path.removesuffix(".svg"))
