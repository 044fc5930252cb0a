"""Draw the leaderboard of one dataset, for pages and for phones."""

from menagerie.figures import style
from menagerie.figures.leaderboard import leaderboard
from menagerie.files.param_text import from_param
from menagerie.files.tables import read_tables
from menagerie.provenance.jobs import job
from menagerie.statistics.views import by_view

with job(snakemake) as recipe:
    tables, _ = read_tables([snakemake.input.scores, snakemake.input.models], recipe)
    scores, models = (table.to_pandas() for table in tables)
    for path, width in ((snakemake.output.svg, style.PAGE_WIDTH), (snakemake.output.narrow, style.NARROW_WIDTH)):
        figure = leaderboard(by_view(scores), models, snakemake.wildcards.dataset, width=width)
        style.save(figure, path.removesuffix(".svg"), from_param(snakemake.params.note))
