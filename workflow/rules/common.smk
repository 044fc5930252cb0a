# What the rules share: the survey read from the config, and small functions for wiring.
import re

from snakemake.exceptions import WorkflowError

from menagerie.errors import MenagerieError
from menagerie.inventory import read_inventory
from menagerie.provenance import code_fingerprint, versions
from menagerie.survey import Survey

try:
    SURVEY = Survey.from_config(config)
    MODELS, DATASETS, STIMULI = list(SURVEY.models), SURVEY.datasets, SURVEY.stimuli
except MenagerieError as error:
    raise WorkflowError(str(error)) from None

CONFIG = SURVEY.config
RUN = SURVEY.folder
RESOURCES = CONFIG["resources"]
TABLES = ["layer_scores", "model_scores", "unit_scores", "models"]
SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"


wildcard_constraints:
    model="[A-Za-z0-9_.+-]+",
    dataset="[A-Za-z0-9_]+",
    stimuli="[A-Za-z0-9_]+",
    subject="[A-Za-z0-9_.-]+",
    layers=r"\d{4,}(-\d{4,})?",


def code(rule, also=()):
    """Param by which Snakemake notices that the code behind a rule has changed."""
    return code_fingerprint(SCRIPTS / f"{rule}.py", also)


def one_of(names):
    """Wildcard constraint that admits these names only."""
    return "|".join(names) or "none"


def selected_blocks(model):
    """Scoring jobs of a model; asks for its layer inventory first."""
    inventory = checkpoints.list_layers.get(model=model).output.layers
    return SURVEY.blocks(read_inventory(inventory), model)


def subjects_of_all():
    """Every dataset with each of its subjects."""
    return [(d.name, subject) for d in DATASETS.values() for subject in d.subjects]


def closing_note():
    """What a person wants to know when the run is done."""
    from menagerie.summary import top_of_leaderboard

    board = Path(RUN) / "tables" / "leaderboard.csv"
    top = top_of_leaderboard(board) if board.exists() else ""
    return f"\n{top}\nReport: {RUN}/report.html\nTables: {RUN}/tables/\n"
