"""Write the leaderboard of every dataset, region and metric as a table."""

from menagerie.figures.leaderboard_table import leaderboard_table
from menagerie.files.csv_cells import harmless_table
from menagerie.files.storage import atomic
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job
from menagerie.statistics.views import by_view

with job(snakemake) as recipe:
    tables, _ = read_tables([snakemake.input.scores, snakemake.input.models], recipe)
    scores, models = (table.to_pandas() for table in tables)
    with atomic(snakemake.output.table) as temporary:
        board = harmless_table(leaderboard_table(by_view(scores), models))
        board.to_csv(temporary, index=False, float_format="%.6g")
