# Models whose scores say that they were made from today's recipe stay out of the graph: 224 models with one job per
# layer are 84,000 jobs. Options that ask for the graph itself, or for jobs by name, see the whole of it.
import sys
from functools import cache

from menagerie.survey.options import leaves_graph_alone

PRUNED = workflow.is_main_process and leaves_graph_alone(sys.argv[1:])


@cache
def inventory_known(model):
    """Whether the layers of a model are known, so that there is no checkpoint to wait for."""
    return PRUNED and or_stop(RECIPES.inventory_is_current, model)


@cache
def scores_known(model):
    """Whether the scores of a model were made from today's recipe."""
    if not inventory_known(model):
        return False
    now = or_stop(lambda: RECIPES.fingerprint("collect_model", model=model))
    return made_from(f"{RUN}/scores/{model}/layers.parquet") == now


def inventory_of(model):
    """Inventory of a model; a current one enters the graph as it is."""
    path = SURVEY.inventory_file(model)
    return before_update(path) if inventory_known(model) else path


def scores_of(model):
    """Scores of a model; current ones enter the graph as they are, without the jobs that made them."""
    path = f"{RUN}/scores/{model}/layers.parquet"
    return before_update(path) if scores_known(model) else path
