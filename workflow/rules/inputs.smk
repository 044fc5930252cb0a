# Which files a job needs, from its wildcards.


def stimuli_inputs(wildcards):
    return STIMULI[wildcards.stimuli].inputs(RESOURCES)


def reader_inputs(wildcards):
    return DATASETS[wildcards.dataset].inputs(RESOURCES, wildcards.subject)


def target_inputs(wildcards):
    found = {"stimuli": f"{RUN}/stimuli/{DATASETS[wildcards.dataset].stimuli}.h5", **reader_inputs(wildcards)}
    if wildcards.dataset in WITH_CEILINGS:
        found["ceilings"] = f"{RUN}/ceilings/{wildcards.dataset}/{wildcards.subject}.parquet"
    return found


def planted_models(dataset):
    """Models whose layers a simulated dataset plants, each once."""
    return list(dict.fromkeys(model for model, _ in planted_layers(DATASETS[dataset].options).values()))


def planted_inputs(wildcards):
    weights = [path for model in planted_models(wildcards.dataset) for path in weights_input(model).values()]
    return target_inputs(wildcards) | {"weights": weights}


def planted_inventories(wildcards):
    """Layer inventories of the models that a simulated dataset plants; none for a measured one."""
    models = planted_models(wildcards.dataset) if wildcards.dataset in SIMULATED else []
    return [inventory_of(model) for model in models]


def all_planted_inventories(wildcards):
    models = dict.fromkeys(model for dataset in SIMULATED for model in planted_models(dataset))
    return [inventory_of(model) for model in models]


def weights_input(model):
    """The weights file of a model, by name; nothing for an untrained one."""
    trained = SURVEY.spec(model).training == "trained"
    return {"weights": f"{RESOURCES}/weights/{model}.safetensors"} if trained else {}


def extraction_weights(wildcards):
    return weights_input(wildcards.model)


def geometry_of_dataset(wildcards):
    return f"{RUN}/geometry/{DATASETS[wildcards.dataset].stimuli}/{wildcards.model}.h5"


def geometries(wildcards):
    return expand(f"{RUN}/geometry/{{stimuli}}/{wildcards.model}.h5", stimuli=STIMULI)


def job_tables(wildcards):
    """Tables of all scoring jobs of a model; asks for its layer inventory first."""
    inventory = f"{RUN}/layers/{wildcards.model}.tsv"
    if wildcards.model not in known_inventories():
        inventory = checkpoints.list_layers.get(model=wildcards.model).output.layers
    blocks = SURVEY.blocks(read_inventory(inventory), wildcards.model)
    folder = f"{RUN}/scores/{wildcards.model}"
    return [f"{folder}/{dataset}/{subject}/{block}.parquet" for dataset, subject in SUBJECTS for block in blocks]


def inventory(wildcards):
    return inventory_of(wildcards.model)


def scores_of_model(wildcards):
    return scores_of(wildcards.model)


def scores_of_models(wildcards):
    return [scores_of(model) for model in MODELS]


def per_model(table):
    return expand(f"{RUN}/scores/{{model}}/{table}.parquet", model=MODELS)


def first_targets():
    """One target of every dataset: what is true of the dataset is written in each."""
    return [f"{RUN}/targets/{dataset.name}/{dataset.subjects[0]}.h5" for dataset in DATASETS.values()]


def nsd_twin_weights(wildcards):
    return [path for model in nsd_twin_models() for path in weights_input(model).values()]


def geometries_of_dataset(wildcards):
    """Geometry of every model over the images of a dataset."""
    return expand(f"{RUN}/geometry/{DATASETS[wildcards.dataset].stimuli}/{{model}}.h5", model=MODELS)


def experiment_tables(table):
    """One table, data or effects, of every experiment that the config lists, and of the analysis over all models."""
    overall = ["overall"] if "overall" in CONFIG["experiments"] else []
    return expand(f"{RUN}/experiments/{{experiment}}/{table}.parquet", experiment=[*EXPERIMENTS, *overall])


def similarity_tables(table):
    """One table, similarity or map, of how alike models are; none unless the config asks for it."""
    mapped = MAPPED if "model_to_model" in CONFIG["experiments"] else []
    return [f"{RUN}/experiments/model_to_model/{dataset}/{subject}/{table}.parquet" for dataset, subject in mapped]


def experiment_outputs():
    """Tables of the analyses that the config lists."""
    return [*experiment_tables("effects"), *similarity_tables("map")]


def targets_of_dataset(wildcards):
    """Targets of every subject of a dataset."""
    subjects = DATASETS[wildcards.dataset].subjects
    return expand(f"{RUN}/targets/{wildcards.dataset}/{{subject}}.h5", subject=subjects)


def similarities_of_dataset(wildcards):
    """Model-to-model similarities of every subject of a dataset."""
    folder = f"{RUN}/experiments/model_to_model/{wildcards.dataset}"
    subjects = [subject for dataset, subject in MAPPED if dataset == wildcards.dataset]
    return expand(f"{folder}/{{subject}}/similarity.parquet", subject=subjects)


def figure_outputs():
    """Figures of the analyses that the config lists; with any of them, an overview of every dataset that has responses."""
    wanted = [f"experiment_{name}" for name in DRAWN_EXPERIMENTS]
    wanted += [name for name in RESERVED if name in CONFIG["experiments"]]
    wanted += ["supplement"] if "overall" in CONFIG["experiments"] else []
    wanted += ["overview"] if CONFIG["experiments"] and not SURVEY.published else []
    return expand(f"{RUN}/figures/{{figure}}_{{dataset}}.svg", figure=wanted, dataset=DATASETS)


def page_figures(narrow=False):
    """Every figure of the run (or its twin for phones): leaderboards, depth profiles of scored layers, analyses."""
    always = ["leaderboard"] if SURVEY.published else ["leaderboard", "depth"]
    drawn = expand(f"{RUN}/figures/{{family}}_{{dataset}}.svg", family=always, dataset=DATASETS)
    paths = [Path(path) for path in dict.fromkeys([*drawn, *figure_outputs()])]
    return [str(path.parent / "narrow" / path.name if narrow else path) for path in paths]
