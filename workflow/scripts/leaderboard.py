"""Write the leaderboard of every dataset, region and metric as a table."""

from menagerie.figures.leaderboard_table import leaderboard_table
from menagerie.jobs import job
from menagerie.storage import atomic
from menagerie.tables import read_tables

with job(snakemake.log[0]):
    tables, _ = read_tables([snakemake.input.scores, snakemake.input.models])
    scores, models = (table.to_pandas() for table in tables)
    with atomic(snakemake.output.table) as temporary:
        leaderboard_table(scores, models).to_csv(temporary, index=False, float_format="%.6g")
