"""Draw the leaderboard of one dataset."""

from menagerie.figures.leaderboard import leaderboard
from menagerie.figures.style import save
from menagerie.jobs import job
from menagerie.tables import read_table

with job(snakemake.log[0]):
    scores, models = (read_table(path).to_pandas() for path in (snakemake.input.scores, snakemake.input.models))
    save(leaderboard(scores, models, snakemake.wildcards.dataset), snakemake.output.svg.removesuffix(".svg"))
