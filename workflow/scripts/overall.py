"""What scores go along with over all models: dimensionality, accuracy, parameters; rank breakpoints; stability."""

from menagerie.files.geometry import geometry_origin
from menagerie.files.tables import read_tables, write_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.contrasts import join_metadata
from menagerie.statistics.dimensions import selected_dimensions
from menagerie.statistics.schemas import SCHEMAS, described
from menagerie.statistics.variation import overall_effects
from menagerie.statistics.views import by_view

from pathlib import Path

import pyarrow as pa

with job(snakemake) as recipe:
    config = snakemake.params.config
    tables, origins = read_tables([snakemake.input.scores, snakemake.input.models], recipe)
    scores, models = (table.to_pandas() for table in tables)
    geometries = {(Path(path).parent.name, Path(path).stem): path for path in snakemake.input.geometry}
    if geometries:  # the published dimensionalities stand in the table of models
        scores = selected_dimensions(scores, config["stimuli"], geometries)
    data = join_metadata(by_view(scores), models)
    effects = overall_effects(data, n_resamples=config["bootstrap.n_resamples"], seed=config["bootstrap.seed"])
    origins += map(geometry_origin, snakemake.input.geometry)
    provenance = record(snakemake, recipe, origins, seed={"bootstrap": config["bootstrap.seed"]})
    write_table(snakemake.output.data, described(pa.Table.from_pandas(data, preserve_index=False)), provenance)
    table = pa.Table.from_pandas(
        effects.reindex(columns=SCHEMAS["effects"].names), schema=SCHEMAS["effects"], preserve_index=False
    )
    write_table(snakemake.output.effects, table, provenance)
