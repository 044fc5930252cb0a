# What jobs ask of a cluster, from the inventory and the number of images; more of it with each attempt.
from errno import ENOENT
from functools import cache

from menagerie.survey import costs
from menagerie.files.inventory import block_range


def growing(amount):
    """MB or minutes of a rule whose jobs are all alike; twice as much for the second attempt, and so on."""
    return lambda wildcards, attempt: attempt * amount


def existing(path):
    """The file, or the error by which Snakemake knows that resources are to be asked for later."""
    if not Path(path).is_file():
        raise FileNotFoundError(ENOENT, "not there yet", str(path))
    return str(path)


@cache
def shape_of(path, dataset, axis):
    """Length of a dataset in an HDF5 file; 0 where the file has no such dataset."""
    import h5py

    with h5py.File(path, "r") as file:
        return file[dataset].shape[axis] if dataset in file else 0


@cache
def chosen_layers(path, model):
    return SURVEY.layers(read_inventory(path), model)


def extraction_size(input, wildcards):
    layers = chosen_layers(existing(input.layers), wildcards.model)
    return layers, shape_of(existing(input.stimuli), "image_ids", 0), CONFIG["memory_budget_mb"]


def extraction_memory(wildcards, input, attempt):
    return attempt * costs.extraction_memory_mb(*extraction_size(input, wildcards))


def extraction_gpu_memory(wildcards, input, attempt):
    """MB of GPU memory; 0 where networks run on CPUs. Nothing takes it up but who asks for it: docs/cluster.md."""
    if CONFIG["device"] == "cpu":
        return 0
    whole = read_inventory(existing(input.layers))
    parameters = int(SURVEY.spec(wildcards.model).metadata["parameters"] or 0)
    layers, n_images, budget = extraction_size(input, wildcards)
    batch = CONFIG["images"]["batch_size"]
    return attempt * costs.gpu_memory_mb(layers, whole, n_images, budget, batch, parameters)


@cache
def forward_seconds(path):
    return costs.forward_seconds(read_header(path).multiply_adds, read_inventory(path))


def extraction_minutes(wildcards, input, attempt):
    size = extraction_size(input, wildcards)
    return attempt * costs.minutes(costs.extraction_seconds(*size, forward_seconds(str(input.layers))), floor=30)


def scoring_size(input):
    target = existing(input.target)
    return shape_of(target, "image_ids", 0), shape_of(target, "responses", 1)


def scoring_memory(wildcards, input, attempt):
    return attempt * max(1000, costs.scoring_memory_mb(*scoring_size(input)))


def pairing_memory(wildcards, input, attempt):
    """Predictions of all models for the test images, half of all or more."""
    n_images, n_units = scoring_size(input)
    return attempt * (4000 + len(MODELS) * n_images * n_units * 4 // 10**6)


def scoring_gres(wildcards):
    """One GPU of any kind where the config says so; the profile can name the kind."""
    return "gpu:1" if CONFIG["score_on"] == "gpu" else ""


def scoring_minutes(wildcards, input, attempt):
    first, last = block_range(wildcards.layers)
    shares = SURVEY.datasets[wildcards.dataset].train_shares
    seconds = costs.scoring_seconds(last - first + 1, *scoring_size(input), SURVEY.n_penalties, shares)
    return attempt * costs.minutes(seconds)
