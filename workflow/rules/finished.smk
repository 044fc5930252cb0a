# Cuts of Snakemake's graph that cannot miss an update: inventories that name what they were made from, and models whose
# scores rest on nothing that changed (menagerie.finished). 224 models are 84,000 scoring jobs with one job per layer.
import time

from functools import cache

from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod, RerunTrigger

from menagerie.finished import Ledger, finished_models, read_ledger, settled, stamp, write_ledger

STARTED = time.time()
LEDGER = f"{RUN}/.finished.json"
# Scripts that only read finished scores: a new figure must not make Snakemake look at every score.
AFTER_SCORES = re.compile(
    "collect_tables|select_layers|leaderboard|models_table|experiment|model_to_model|overall|standing|plot_|report"
)


def jobs_are_forced():
    """Then, in a job's own process, and where Snakemake goes by the times of scripts, the graph stays whole."""
    asked = workflow.dag_settings
    by_time = RerunTrigger.CODE in asked.rerun_triggers
    return by_time or asked.forceall or asked.forcetargets or bool(asked.forcerun) or not workflow.is_main_process


@cache
def setting():
    """Fingerprint of all that scores may depend on beside files and a model's own row; rather too much than too little."""
    inert = ("models", "experiments", "experiments_file", "standing", "score_on", "missing_weights")
    scripts = [path.stem for path in sorted(SCRIPTS.glob("*.py")) if not AFTER_SCORES.match(path.stem)]
    modules = [f"menagerie.models.providers.{spec.provider}" for spec in SURVEY.registry.values()]
    modules += [f"menagerie.brain.readers.{dataset.reader}" for dataset in DATASETS.values()]
    texts = [*Path(workflow.basedir).glob("workflow/rules/*.smk"), *Path(workflow.basedir).glob("envs/*.yaml")]
    return value_fingerprint(
        {
            "config": {key: value for key, value in CONFIG.items() if key not in inert},
            "code": {script: fingerprint(script, sorted(set(modules))) for script in scripts},
            "texts": {path.name: path.read_text() for path in texts},
            "planted": [build_params(model) for name in SIMULATED for model in planted_models(name)],
            "versions": score_params()["versions"],
            "twin": Path(NSD_TWIN_SPEC).read_text() if Path(NSD_TWIN_SPEC).exists() else "",
            "deployment": sorted(map(str, workflow.deployment_settings.deployment_method)),
        }
    )


def row_of(model):
    return value_fingerprint([SURVEY.spec(model).as_row(), build_params(model)])


def inventory_is_current(model):
    """Its header names the model, transform, versions and code of now; an inventory has no other source."""
    made_from = value_fingerprint([inventory_params_of(model), model_code("list_layers", model)])
    return read_header(f"{RUN}/layers/{model}.tsv").made_from == made_from


@cache
def known_inventories():
    """Models whose inventory is current, as of the start."""
    if jobs_are_forced():
        return frozenset()
    present = {path.stem for path in Path(RUN).glob("layers/*.tsv")}
    return frozenset(model for model in SURVEY.registry if model in present and inventory_is_current(model))


@cache
def finished():
    """Models that are finished and untouched, as of the start."""
    if jobs_are_forced():
        return frozenset()
    found = finished_models(read_ledger(LEDGER), setting(), {model: row_of(model) for model in MODELS})
    if found:
        logger.info(f"{len(found)} of {len(MODELS)} models are finished and unchanged: their scoring jobs stay out.")
    return frozenset(found)


@cache
def lighten_planning():
    """Leave out steps of planning that decide nothing here: half the time for 84,000 jobs.

    Snakemake looks at the script of every single job (a missing one is named when its first job starts), for folders
    as outputs (no rule has any), and for the conda environment of every job, for which it computes all params.
    """
    dag = workflow.dag
    getattr(dag, "dag_processors", []).clear()
    dag.check_directory_outputs = lambda: None
    if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
        dag.update_conda_envs = lambda: None


def inventory_of(model):
    """Inventory of a model; a current one enters the graph as it is, so that there is no checkpoint to wait for."""
    lighten_planning()
    path = f"{RUN}/layers/{model}.tsv"
    return before_update(path) if model in known_inventories() else path


def scores_of(model):
    """Scores of a model; those of a finished one enter the graph as they are, without the jobs that made them."""
    path = f"{RUN}/scores/{model}/layers.parquet"
    return before_update(path) if model in finished() else path


def upstream(job):
    """Files that the scores of a model rest on: those that no job makes, and those that jobs make (but the scores)."""
    leaves, made = set(), set()
    for ancestor in workflow.dag.bfs(workflow.dag.dependencies, job):
        produced = set()
        for producer, files in workflow.dag.dependencies[ancestor].items():
            produced |= files
            if producer.rule.name != "score":
                made |= files
        leaves.update(name for name in ancestor.input if name not in produced)
    return set(map(str, leaves)), set(map(str, made))


def note_finished():
    """Write down what the models rest on whose scores are complete now."""
    if SURVEY.published or not workflow.is_main_process:
        return
    former, look = read_ledger(LEDGER), cache(stamp)
    files, stamps = {}, {}
    for job in workflow.dag.jobs:
        if job.rule.name == "collect_model" and (workflow.dag.finished(job) or not workflow.dag.needrun(job)):
            leaves, made = upstream(job)
            if found := settled(leaves, made, str(job.output.scores), STARTED, look):
                files[job.wildcards.model] = frozenset(found)
                stamps |= found
    for model in finished():
        kept = {name: former.stamps[name] for name in former.files[model]}
        if all(stamps.get(name, when) == when for name, when in kept.items()):
            files[model] = former.files[model]
            stamps |= kept
    write_ledger(LEDGER, Ledger(setting(), {model: row_of(model) for model in files}, files, stamps))
