# What scripts are given besides files. Recipes (rules/recipes.smk) say what results depend on.
from menagerie.statistics.benchmark import ABOUT


def build_params(model):
    """What is needed to build a network and the transform of its images."""
    return {"spec": SURVEY.spec(model).build_row(), "transform": CONFIG["images"]["transform"]}


def model_params(wildcards):
    return build_params(wildcards.model)


def weights_params(wildcards):
    return SURVEY.spec(wildcards.model).build_row()


def chosen_layers_params(wildcards):
    """Indices of the layers to extract."""
    return [info.index for info in chosen_layers(existing(SURVEY.inventory_file(wildcards.model)), wildcards.model)]


def plain_dataset(dataset):
    return {"reader": dataset.reader, "options": dict(dataset.options)}


def stimuli_params(wildcards):
    return plain_dataset(STIMULI[wildcards.stimuli])


def target_params(wildcards):
    dataset = DATASETS[wildcards.dataset]
    return plain_dataset(dataset) | {"stimuli": dataset.stimuli}


def planted_params(wildcards):
    models = [build_params(model) for model in SURVEY.planted_models(wildcards.dataset)]
    return target_params(wildcards) | {"models": models}


def split_params(wildcards):
    dataset = DATASETS[wildcards.dataset]
    splits = {name: dict(definition) for name, definition in dataset.splits.items()}
    return plain_dataset(dataset) | {"splits": splits, "subjects": list(dataset.subjects)}


def group_params(wildcards):
    dataset = DATASETS[wildcards.dataset]
    return plain_dataset(dataset) | {"groups": dataset.groups}


def ridge_params():
    return {"penalties": CONFIG["penalties"], "training": CONFIG["training_predictions"]}


def select_on_params():
    return {name: [vars(how) for how in dataset.select_on] for name, dataset in DATASETS.items()}


def ceiling_params(wildcards):
    return plain_dataset(DATASETS[wildcards.dataset])


def sources_of_tables():
    """What the report says of datasets that are known by their scores alone."""
    if not SURVEY.from_tables:
        return {}
    files = {
        name: ", ".join(table_files(entry).values()) for name, entry in CONFIG["scores"].items() if "tables" in entry
    }
    return {name: {"source": f"scores of others: {text}", "simulated": "no"} for name, text in files.items()} | (
        {SURVEY.survey_dataset: dict(ABOUT)} if SURVEY.survey_dataset else {}
    )


def view_dataset(wildcards):
    return VIEWS[wildcards.dataset].dataset.name


def view_split(wildcards):
    return VIEWS[wildcards.dataset].split


def view_note(wildcards):
    """Line below a figure: which split and selection it shows, where that is not the default."""
    return to_param(view_notes()[wildcards.dataset])


def view_notes():
    return {name: view.title if name != view.dataset.name else "" for name, view in VIEWS.items()}


def view_options(wildcards):
    return to_param(dict(VIEWS[wildcards.dataset].dataset.options))


def regions_of_dataset(wildcards):
    regions = DATASETS[wildcards.dataset].regions
    return sorted(regions) if regions else "all"


def planted_options():
    return {dataset: dict(DATASETS[dataset].options) for dataset in SIMULATED}


def option_of(reader, name):
    """An option of the first dataset with this reader: what is downloaded is the same for all."""
    return next((d.options.get(name) for d in DATASETS.values() if d.reader == reader), None)


def fetch_params(reader):
    """What is fetched: options and subjects of every dataset without a copy of its own."""
    wanted = [d for d in DATASETS.values() if d.reader == reader and not d.options.get(f"{reader}_root")]
    return [{"options": dict(d.options), "subjects": list(d.subjects)} for d in wanted]


def twin_params(kind):
    """What is needed to build the networks whose layers a twin plants."""

    def params(wildcards):
        return [build_params(model) for model in SURVEY.twin_models(kind)]

    return params


def new_image_folder(wildcards):
    return str(SURVEY.new_images[wildcards.images].folder)


def prediction_params(wildcards):
    return SURVEY.new_images[wildcards.images].layers(DATASETS[wildcards.dataset])


def experiment_params(wildcards):
    return EXPERIMENTS[wildcards.experiment].as_entry()


def experiment_text(wildcards):
    return to_param(experiment_params(wildcards))


def overall_params():
    return SURVEY.stage_params("overall") | {
        "stimuli": {dataset.name: dataset.stimuli for dataset in DATASETS.values()}
    }
