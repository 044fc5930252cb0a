# What a job's result depends on besides its input files: plain data in fixed order, which Snakemake compares.

from functools import cache

TRANSFORM = ["mean", "std", "interpolation", "crop_pct", "paper_size", "paper_mean", "paper_std"]


@cache
def fingerprint_of(script, also):
    return code_fingerprint(SCRIPTS / f"{script}.py", also)


def fingerprint(script, also=()):
    """By this Snakemake notices that the code behind a rule has changed."""
    return fingerprint_of(script, tuple(also))


def code(script):
    """The fingerprint as a param that is computed with the first job of its rule: a job on a cluster needs one rule's."""
    return lambda wildcards: fingerprint(script)


def dataset_code(script, dataset, models=()):
    providers = [f"menagerie.models.providers.{SURVEY.spec(model).provider}" for model in models]
    return fingerprint(script, [f"menagerie.brain.readers.{DATASETS[dataset].reader}", *providers])


def model_code(script, model):
    return fingerprint(script, [f"menagerie.models.providers.{SURVEY.spec(model).provider}"])


@cache
def build_params(model):
    """What a network and its input depend on."""
    return {
        "spec": SURVEY.spec(model).build_row(),
        "transform": CONFIG["images"]["transform"],
        "versions": versions(("torch", "torchvision", "timm", *PROVIDER_PACKAGES.get(SURVEY.spec(model).provider, ()))),
    }


def model_params(wildcards):
    return build_params(wildcards.model)


def weights_params(wildcards):
    """How images are prepared plays no part in fetching weights."""
    row = SURVEY.spec(wildcards.model).build_row()
    return {name: None if name in TRANSFORM else value for name, value in row.items()}


def inventory_params_of(model):
    """An inventory is taken without the weights, whatever their bytes are."""
    params = build_params(model)
    return params | {"spec": params["spec"] | {"sha256": ""}}


def inventory_params(wildcards):
    return inventory_params_of(wildcards.model)


def inventory_code(wildcards):
    return model_code("list_layers", wildcards.model)


def extraction_code(wildcards):
    return model_code("extract_geometry", wildcards.model)


def plain_dataset(dataset):
    return {"reader": dataset.reader, "options": dict(dataset.options)}


def stimuli_params(wildcards):
    return plain_dataset(STIMULI[wildcards.stimuli])


def stimuli_code(wildcards):
    return dataset_code("build_stimuli", STIMULI[wildcards.stimuli].name)


def target_params(wildcards):
    dataset = DATASETS[wildcards.dataset]
    return plain_dataset(dataset) | {"stimuli": dataset.stimuli}


def target_code(wildcards):
    return dataset_code("build_target", wildcards.dataset)


def planted_params(wildcards):
    models = [build_params(model) for model in planted_models(wildcards.dataset)]
    return target_params(wildcards) | {"models": models}


def planted_code(wildcards):
    return dataset_code("simulate_target", wildcards.dataset, planted_models(wildcards.dataset))


def dataset_options(wildcards):
    return dict(DATASETS[wildcards.dataset].options)


def score_params():
    return SURVEY.stage_params("score") | {"versions": versions(("numpy", "scipy"))}


def evaluate_params():
    return SURVEY.stage_params("evaluate") | {"versions": versions(("numpy", "scipy"))}


# What readers of tables ask of their provenance: code and settings of the jobs before. They are what Snakemake compares
# too, so that only a table is refused that Snakemake would make anew if it knew what made it.


@cache
def made_by_score():
    return made("score", fingerprint("score"), score_params())


@cache
def made_by_selection():
    return made("select_layers", fingerprint("select_layers"), evaluate_params())


@cache
def made_by_extraction(model):
    settings = [build_params(model), SURVEY.stage_params("extract")]
    return made("extract_geometry", model_code("extract_geometry", model), settings, part=model)


def now(*parts):
    return unite((NOW, part) for part in parts)


def expected_of_model(wildcards):
    return now(made_by_score(), made_by_extraction(wildcards.model))


def expected_of_models(wildcards):
    return now(made_by_score(), made_by_selection(), *map(made_by_extraction, MODELS))


def expected_tables(wildcards):
    rows = [SURVEY.models[model].as_row() for model in MODELS]
    if SURVEY.published:
        return made("published_tables", fingerprint("published_tables"), rows)
    tables = made("collect_tables", fingerprint("collect_tables")), made(
        "models_table", fingerprint("models_table"), rows
    )
    return now(made_by_score(), made_by_selection(), *tables)


def regions_of_dataset(wildcards):
    regions = DATASETS[wildcards.dataset].regions
    return list(regions) if regions else "all"


def planted_options():
    return {dataset: dict(DATASETS[dataset].options) for dataset in SIMULATED}


def option_of(reader, name):
    """An option of the first dataset with this reader: what is downloaded is the same for all."""
    return next((d.options.get(name) for d in DATASETS.values() if d.reader == reader), None)


def nsd_fetch_params():
    """What is fetched: options and subjects of every dataset without a copy of its own."""
    wanted = [d for d in DATASETS.values() if d.reader == "nsd" and not d.options.get("nsd_root")]
    return [{"options": dict(d.options), "subjects": list(d.subjects)} for d in wanted]


def nsd_twin_models():
    """Models whose layers the twin plants, each once."""
    planted = yaml.safe_load(Path(NSD_TWIN_SPEC).read_text()).get("planted") or {}
    return list(dict.fromkeys(entry["model"] for entry in planted.values()))


def nsd_twin_params(wildcards):
    return [build_params(model) for model in nsd_twin_models()]


def registry_rows():
    """What is known of every model of registry and run."""
    return [spec.as_row() | {"model": spec.id} for spec in SURVEY.registry.values()]


def experiment_params(wildcards):
    return EXPERIMENTS[wildcards.experiment].as_entry()


def overall_params():
    bootstrap = {f"bootstrap.{key}": CONFIG["bootstrap"][key] for key in ("n_resamples", "seed")}
    return bootstrap | {"stimuli": {dataset.name: dataset.stimuli for dataset in DATASETS.values()}}
