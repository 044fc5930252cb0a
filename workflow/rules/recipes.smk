# The recipe of a job, as one of its inputs: by this Snakemake notices what must run again (docs/invalidation.md).
import atexit
import shutil

from menagerie.files.made_from import made_from
from menagerie.survey.recipes import InventoryMissingError, Recipes
from menagerie.survey.results import Results

RECIPES = Recipes(SURVEY, SCRIPTS)
RESULTS = Results(RUN)
SCRATCH = Path(f".snakemake/recipes/{os.getpid()}")  # of dry runs, which leave results alone
if workflow.is_main_process and not workflow.dryrun:
    RESULTS.date_back()
CURRENT = {}  # recipe file -> what the job reads


def recipe(rule):
    """Input function: file of the rule's recipe, up to date."""
    return lambda wildcards: current_recipe(rule, wildcards)


def recipe_of_target(wildcards):
    return current_recipe(RECIPES.target_rule(wildcards.dataset), wildcards)


def current_recipe(rule, wildcards):
    path = RECIPES.path(rule, wildcards)
    if not workflow.is_main_process:  # a job takes the recipe that it was planned with
        return path
    if path not in CURRENT:
        made = with_layers(lambda: RECIPES.of(rule, wildcards))
        if workflow.dryrun:
            CURRENT[path] = or_stop(RESULTS.preview, path, made, SCRATCH)
        else:
            or_stop(RESULTS.keep, path, made)
            CURRENT[path] = path
    return CURRENT[path]


def with_layers(function):
    """Value of a function that needs layer inventories; asks the checkpoint for one that is not there."""
    asked = set()
    while True:
        try:
            return or_stop(function, but=(InventoryMissingError,))
        except InventoryMissingError as missing:
            if missing.model in asked:
                stop(f"The layer inventory of {missing.model} is not the one that was asked for. Delete it.")
            asked.add(missing.model)
            checkpoints.list_layers.get(model=missing.model)


def leave():
    """Keep digests of sources for the next start, and remove the recipes of a dry run."""
    SURVEY.digests.save()
    shutil.rmtree(SCRATCH, ignore_errors=True)


if workflow.is_main_process:
    atexit.register(leave)
