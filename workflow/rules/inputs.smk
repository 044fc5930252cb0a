# Which files a job needs, from its wildcards.
from menagerie.files.paths import refuse_future
from menagerie.survey.score_sources import table_files


def source(path):
    """A user's own file as an input. Recipes speak of its content, so its time does not count."""
    or_stop(refuse_future, path)
    return ancient(path)


def from_sources(files, fetched=()):
    """Input files by name."""

    def one(path):
        return path if path in fetched else source(path)

    return {name: one(entry) if isinstance(entry, str) else list(map(one, entry)) for name, entry in files.items()}


def reader_inputs(dataset, subject=None):
    return from_sources(dataset.inputs(RESOURCES, subject), dataset.fetched(RESOURCES))


def stimuli_inputs(wildcards):
    return reader_inputs(STIMULI[wildcards.stimuli])


def stimuli_of_dataset(wildcards):
    return f"{RUN}/stimuli/{DATASETS[wildcards.dataset].stimuli}.h5"


def split_inputs(wildcards):
    files = DATASETS[wildcards.dataset].split_inputs(RESOURCES)
    return {f"files_of_{name}": list(map(source, paths)) for name, paths in files.items()}


def group_inputs(wildcards):
    return list(map(source, DATASETS[wildcards.dataset].group_inputs))


def ceiling_inputs(wildcards):
    return reader_inputs(DATASETS[wildcards.dataset], wildcards.subject)


def target_inputs(wildcards):
    dataset = DATASETS[wildcards.dataset]
    inputs = {"stimuli": f"{RUN}/stimuli/{dataset.stimuli}.h5", **reader_inputs(dataset, wildcards.subject)}
    if dataset.uses_folds:
        inputs["splits"] = f"{RUN}/splits/{wildcards.dataset}.parquet"
    if dataset.with_ceilings:
        inputs["ceilings"] = f"{RUN}/ceilings/{wildcards.dataset}/{wildcards.subject}.parquet"
    return inputs


def planted_inputs(wildcards):
    weights = [path for model in SURVEY.planted_models(wildcards.dataset) for path in weights_input(model).values()]
    return target_inputs(wildcards) | {"weights": weights}


def planted_inventories(wildcards):
    """Layer inventories of the models that a simulated dataset plants; none for a measured one."""
    one = VIEWS[wildcards.dataset].dataset
    return [inventory_of(model) for model in SURVEY.planted_models(one.name)] if one.simulated else []


def all_planted_inventories(wildcards):
    models = dict.fromkeys(model for dataset in SIMULATED for model in SURVEY.planted_models(dataset))
    return [inventory_of(model) for model in models]


def score_table_inputs(wildcards):
    """Files that scores are read from; the survey's own may be downloads."""
    own = [path for entry in CONFIG["scores"].values() if "tables" in entry for path in table_files(entry).values()]
    return list(map(source, own)) + (published_inputs() if SURVEY.survey_dataset else [])


def weights_input(model):
    """The weights file of a model, by name; nothing for an untrained one."""
    path = SURVEY.weights_file(model)
    return {"weights": path} if path else {}


def extraction_weights(wildcards):
    return weights_input(wildcards.model)


def weights_sources(wildcards):
    """Local files that weights are converted from."""
    path = f"{RESOURCES}/weights/{wildcards.model}-{wildcards.key}.safetensors"
    if SURVEY.weights_file(wildcards.model) != path:
        stop(f"{path}: the weights of {wildcards.model} have another content now. Run the workflow again.")
    return list(map(source, SURVEY.weights_sources(wildcards.model)))


def geometry_of_dataset(wildcards):
    return f"{RUN}/geometry/{DATASETS[wildcards.dataset].stimuli}/{wildcards.model}.h5"


def geometries(wildcards):
    return expand(f"{RUN}/geometry/{{stimuli}}/{wildcards.model}.h5", stimuli=STIMULI)


def job_tables(wildcards):
    """Tables of all scoring jobs of a model; asks for its layer inventory first."""
    inventory = SURVEY.inventory_file(wildcards.model)
    if not inventory_known(wildcards.model):
        inventory = checkpoints.list_layers.get(model=wildcards.model).output.layers
    blocks = SURVEY.blocks(read_inventory(inventory), wildcards.model)
    folder = f"{RUN}/scores/{wildcards.model}"
    return [f"{folder}/{dataset}/{subject}/{block}.parquet" for dataset, subject in SURVEY.subjects for block in blocks]


def inventories_of_models(wildcards):
    return [] if SURVEY.from_tables else [inventory_of(model) for model in MODELS]


def inventory(wildcards):
    return inventory_of(wildcards.model)


def scores_of_model(wildcards):
    return scores_of(wildcards.model)


def scores_of_models(wildcards):
    return [scores_of(model) for model in MODELS]


def per_model(table):
    return expand(f"{RUN}/scores/{{model}}/{table}.parquet", model=MODELS)


def twin_weights(kind):
    """Weights of the models whose layers a twin plants."""

    def weights(wildcards):
        return [path for model in SURVEY.twin_models(kind) for path in weights_input(model).values()]

    return weights


def geometries_of_dataset(wildcards):
    """Geometry of every model over the images of a dataset."""
    return expand(f"{RUN}/geometry/{DATASETS[wildcards.dataset].stimuli}/{{model}}.h5", model=MODELS)


def experiment_tables(table):
    """One table, data or effects, of every experiment that the config lists, and of the analysis over all models."""
    overall = ["overall"] if "overall" in CONFIG["experiments"] else []
    return expand(f"{RUN}/experiments/{{experiment}}/{table}.parquet", experiment=[*EXPERIMENTS, *overall])


def similarity_tables(table):
    """One table, similarity or map, of how alike models are; none unless the config asks for it."""
    mapped = SURVEY.mapped if "model_to_model" in CONFIG["experiments"] else []
    return [f"{RUN}/experiments/model_to_model/{dataset}/{subject}/{table}.parquet" for dataset, subject in mapped]


def experiment_outputs():
    """Tables of the analyses that the config lists."""
    return [*experiment_tables("effects"), *similarity_tables("map")]


def groups_of_dataset(wildcards):
    return [f"{RUN}/groups/{wildcards.dataset}.parquet"] if DATASETS[wildcards.dataset].groups else []


def tested_groups(wildcards):
    """Groups of images, where scores of single layers are tested by permuting them."""
    return groups_of_dataset(wildcards) if SURVEY.tested_layers else []


def pair_tables(wildcards):
    """Comparisons of models, one table a subject."""
    return [f"{RUN}/experiments/pairwise/{dataset}/{subject}.parquet" for dataset, subject in SURVEY.subjects]


def targets_of_dataset(wildcards):
    """Targets of every subject of a dataset."""
    subjects = DATASETS[wildcards.dataset].subjects
    return expand(f"{RUN}/targets/{wildcards.dataset}/{{subject}}.h5", subject=subjects)


def new_image_files(wildcards):
    """Files of a set of new images."""
    return [path for paths in from_sources(SURVEY.new_images[wildcards.images].files).values() for path in paths]


def prediction_outputs():
    """Predicted responses to new images."""
    return [
        f"{RUN}/predictions/{name}/{dataset}/{model}.parquet"
        for name, new in SURVEY.new_images.items()
        for dataset in new.datasets
        for model in MODELS
    ]


def similarities_of_dataset(wildcards):
    """Model-to-model similarities of every subject of a dataset."""
    folder = f"{RUN}/experiments/model_to_model/{wildcards.dataset}"
    subjects = [subject for dataset, subject in SURVEY.mapped if dataset == wildcards.dataset]
    return expand(f"{folder}/{{subject}}/similarity.parquet", subject=subjects)


def figure_outputs():
    """Figures of the analyses that the config lists; with any of them, an overview of every dataset that has responses."""
    wanted = [f"{family}_{name}" for name in DRAWN_EXPERIMENTS for family in ("experiment", "people")]
    wanted += [name for name in ("overall", "model_to_model") if name in CONFIG["experiments"]]
    wanted += ["supplement"] if "overall" in CONFIG["experiments"] else []
    mapped = list(dict(SURVEY.mapped)) if "model_to_model" in wanted else []
    single = ["overview"] if CONFIG["experiments"] and not SURVEY.from_tables else []
    wanted = [name for name in wanted if name != "model_to_model"]
    drawn = expand(f"{RUN}/figures/{{figure}}_{{view}}.svg", figure=wanted, view=VIEWS)
    drawn += expand(f"{RUN}/figures/model_to_model_{{dataset}}.svg", dataset=mapped)
    return drawn + expand(f"{RUN}/figures/{{figure}}_{{dataset}}.svg", figure=single, dataset=DATASETS)


def page_figures(narrow=False):
    """Every figure of the run (or its twin for phones): leaderboards, depth profiles of scored layers, analyses."""
    always = ["leaderboard"] if SURVEY.from_tables else ["leaderboard", "depth"]
    drawn = expand(f"{RUN}/figures/{{family}}_{{view}}.svg", family=always, view=VIEWS)
    paths = [Path(path) for path in dict.fromkeys([*drawn, *figure_outputs()])]
    return [str(path.parent / "narrow" / path.name if narrow else path) for path in paths]
