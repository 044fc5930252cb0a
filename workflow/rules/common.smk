# What the rules share: the survey read from the config, and its parts by name.
import os
import re

from snakemake.exceptions import WorkflowError

from menagerie.errors import MenagerieError
from menagerie.provenance.jobs import or_stop, stop
from menagerie.files.inventory import read_header, read_inventory
from menagerie.files.param_text import to_param
from menagerie.statistics.benchmark import MEAN
from menagerie.survey.config import read_config
from menagerie.survey.contents import Survey

try:
    # Snakemake read the config already, and took the last of two keys with one name.
    for path in workflow.overwrite_configfiles or ["config/config.yaml"]:
        if Path(path).is_file():
            read_config(path)
    SURVEY = Survey.from_config(config)
    SURVEY.check()
    MODELS, DATASETS, STIMULI, VIEWS = list(SURVEY.models), SURVEY.datasets, SURVEY.stimuli, SURVEY.views
except MenagerieError as error:
    raise WorkflowError(str(error)) from None

CONFIG = SURVEY.config
config.update(CONFIG)  # scripts see the defaults too
RUN = SURVEY.folder
RESOURCES = CONFIG["resources"]
PAIRWISE = "pairwise" in CONFIG["experiments"] and not SURVEY.from_tables
TABLES = ["model_scores", "models"] + ([] if SURVEY.from_tables else ["layer_scores", "fold_scores", "unit_scores"])
TABLES += ["reproduction"] if SURVEY.survey_dataset else []
TABLES += ["pairwise"] if PAIRWISE else []
TABLES += ["standing", "neighbours"] if "standing" in CONFIG else []
SCRIPTS = HOME / "workflow" / "scripts"
PAGE = HOME / "workflow" / "report"

SIMULATED = [dataset.name for dataset in DATASETS.values() if dataset.simulated]
MEASURED = [name for name in DATASETS if name not in SIMULATED]
GROUPED = SURVEY.grouped
TRAINED = [spec.id for spec in SURVEY.registry.values() if spec.training == "trained"]
TARGETS = [f"{RUN}/targets/{dataset}/{subject}.h5" for dataset, subject in SURVEY.subjects]

if CONFIG["downloads"]["proxy"]:
    os.environ.update(dict.fromkeys(("http_proxy", "https_proxy"), CONFIG["downloads"]["proxy"]))


wildcard_constraints:
    model="[A-Za-z0-9_.+-]+",
    dataset="[A-Za-z0-9_-]+",
    stimuli="[A-Za-z0-9_]+",
    subject="[A-Za-z0-9_.-]+",
    layers=r"\d+(-\d+)?",


def one_of(names):
    """Wildcard constraint that admits these names only."""
    return "|".join(map(re.escape, names)) or "none"


def closing_words():
    """What a person wants to know when the run is done."""
    from menagerie.survey.summary import closing_note

    return closing_note(RUN, SURVEY.left_out, [] if SURVEY.from_tables else SURVEY.layer_counts())
