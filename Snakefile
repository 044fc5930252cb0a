# Menagerie: deep vision networks as model organisms, compared with brains.
# Table of contents; rules live in workflow/rules, their scripts in workflow/scripts, the package in workflow/menagerie.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.11.7")

HOME = Path(str(workflow.current_basedir))  # also where another workflow uses this one as a module
if not (HOME / "workflow" / "menagerie").is_dir():
    raise WorkflowError(
        f"Menagerie runs from a checkout: found only its rules, at {HOME}. Clone it, and name the Snakefile there."
    )
for place in (HOME, Path.cwd()):
    if set("{}") & set(str(place)):
        raise WorkflowError(f"Snakemake cannot run jobs below a folder with braces in its name: {place}. Rename it.")
sys.path.insert(0, str(HOME / "workflow"))
from menagerie.provenance.jobs import offer_package
from menagerie.survey.config import shipped
from menagerie.survey.messages import Messages, watch

offer_package()

# Another config replaces the demo's whole; it is not merged into it. Run from elsewhere without one, it is the demo.
if not workflow.overwrite_configfiles:

    configfile: shipped("config/config.yaml")


MESSAGES = watch() if workflow.is_main_process else Messages()


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/params.smk"
include: "workflow/rules/recipes.smk"
include: "workflow/rules/pruning.smk"
include: "workflow/rules/resources.smk"


# Where scores come from: networks and brains, or tables. Everything after is the same.
if SURVEY.from_tables:

    include: "workflow/rules/score_tables.smk"

else:

    include: "workflow/rules/brain.smk"
    include: "workflow/rules/nsd.smk"
    include: "workflow/rules/laion.smk"
    include: "workflow/rules/models.smk"
    include: "workflow/rules/features.smk"
    include: "workflow/rules/scores.smk"
    include: "workflow/rules/similarity.smk"
    include: "workflow/rules/pairwise.smk"
    include: "workflow/rules/predictions.smk"


include: "workflow/rules/experiments.smk"
include: "workflow/rules/figures.smk"


if SURVEY.survey_dataset or "standing" in CONFIG:

    include: "workflow/rules/published_files.smk"


if SURVEY.survey_dataset:

    include: "workflow/rules/published.smk"


if "standing" in CONFIG:

    include: "workflow/rules/standing.smk"


include: "workflow/rules/report.smk"


if "replication" in CONFIG:

    include: "workflow/rules/replication.smk"


localrules:
    all,
    inventories,


rule all:
    default_target: True
    input:
        expand(f"{RUN}/tables/{{table}}.parquet", table=TABLES),
        f"{RUN}/tables/leaderboard.csv",
        experiment_outputs(),
        prediction_outputs(),
        figure_outputs(),
        f"{RUN}/report.html",
        [f"{RUN}/replication.html"] if "replication" in CONFIG else [],


rule inventories:
    """All layer inventories, before a large survey: each that is taken later makes Snakemake think anew."""
    input:
        lambda wildcards: [inventory_of(model) for model in MODELS],


onsuccess:
    print(closing_words())


onerror:
    if words := MESSAGES.last_words():
        print(words)
