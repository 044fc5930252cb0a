"""Write the leaderboard of every dataset, region and metric as a table."""

from menagerie.figures.leaderboard_table import leaderboard_table
from menagerie.jobs import job
from menagerie.storage import atomic
from menagerie.tables import read_table

with job(snakemake.log[0]):
    scores, models = (read_table(path).to_pandas() for path in (snakemake.input.scores, snakemake.input.models))
    with atomic(snakemake.output.table) as temporary:
        leaderboard_table(scores, models).to_csv(temporary, index=False, float_format="%.6g")
