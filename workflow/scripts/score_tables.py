"""Write scores from tables, and what is known of their models, as the tables of a run."""

from menagerie.files.tables import write_table
from menagerie.models.columns import models_table
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record
from menagerie.statistics.explained import add_explained
from menagerie.statistics.multiplicity import add_corrected
from menagerie.statistics.published import model_table, read_published, renamed, score_table
from menagerie.statistics.score_tables import read_scores

import pyarrow as pa

with job(snakemake) as recipe:
    params = snakemake.params
    scores, models, sources, survey = [], {}, {}, None
    for dataset, entry in params.scores.items():
        if "survey" in entry:
            survey = read_published(params.folder, params.registry)
            scores.append(renamed(score_table(survey), dataset))
            models |= {row["id"]: row for row in params.models if row["id"] in set(survey.models["id"])}
            sources[dataset] = f"published tables of Conwell et al. (2024), {params.folder}"
        else:
            table, known, left_out = read_scores(dataset, entry, params.models)
            scores.append(table)
            models |= {row["id"]: row for row in known} | models
            sources[dataset] = ", ".join(one["file"] for one in entry["tables"])
            for name in left_out:
                print(f"{dataset}: the model table has no {name}.")
    rows = list(models.values())
    provenance = record(snakemake, recipe, source=sources)
    write_table(snakemake.output.model_scores, add_corrected(add_explained(pa.concat_tables(scores))), provenance)
    table = model_table(survey, rows) if survey else models_table(rows)
    write_table(snakemake.output.models, table, provenance)
