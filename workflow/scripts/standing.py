"""Place the models of a run among those of the 2024 survey."""

from menagerie.brain.stimuli import read_provenance as stimuli_provenance
from menagerie.brain.target import read_provenance as target_provenance
from menagerie.figures.tidy import model_metadata
from menagerie.files.tables import read_tables, write_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.published import read_published, similarity_tables
from menagerie.statistics.schemas import SCHEMAS
from menagerie.statistics.standing import Origin, neighbours, standing
from menagerie.statistics.views import even_odd_scores

from pathlib import Path

import pandas as pd
import pyarrow as pa

with job(snakemake) as recipe:
    given, params = snakemake.input, snakemake.params
    stimuli = {Path(path).stem: path for path in given.stimuli}
    origins = {
        name: Origin(
            tuple(target_provenance(path) for path in given.targets if Path(path).parent.name == name),
            stimuli_provenance(stimuli[images]),
        )
        for name, images in params.datasets.items()
    }
    (scores, models, *similarity), made = read_tables([given.scores, given.models, *given.similarity], recipe)
    source = f"published tables of Conwell et al. (2024), {params.folder}"
    provenance = record(snakemake, recipe, made, source={"published": source})
    published = read_published(params.folder, params.registry)
    known = pd.concat([published.models, models.to_pandas()]).drop_duplicates("id", keep="last")
    names = model_metadata(known).set_index("model")["display_name"].to_dict()
    table = standing(even_odd_scores(scores.to_pandas()), published, origins, params.settings)
    alike = pd.concat([one.to_pandas() for one in similarity]) if similarity else None
    near = neighbours(table, published, alike, similarity_tables(params.folder, params.registry)[0], names)
    for name, frame in (("standing", table), ("neighbours", near)):
        rows = pa.Table.from_pandas(frame, schema=SCHEMAS[name], preserve_index=False)
        write_table(snakemake.output[name], rows, provenance)
