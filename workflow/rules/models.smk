# Model side: weights as safetensors in a shared cache, and the layer inventory of every model.


def weights_input(model):
    """The weights file of a model, by name; nothing for a random twin."""
    path = SURVEY.spec(model).weights_file(RESOURCES)
    return {"weights": path} if path else {}


def build_params(model):
    """What a network depends on besides its weights, as plain data for params."""
    return SURVEY.spec(model).build_params() | versions(("torch", "torchvision", "timm"))


def provider_code(rule, model):
    return code(rule, [f"menagerie.models.providers.{SURVEY.spec(model).provider}"])


def model_params(wildcards):
    return build_params(wildcards.model)


def inventory_code(wildcards):
    return provider_code("list_layers", wildcards.model)


def weights_params(wildcards):
    return WEIGHTS[wildcards.weights].weights_params()


WEIGHTS = {Path(path).stem: spec for spec in SURVEY.registry.values() if (path := spec.weights_file(RESOURCES))}


localrules:
    fetch_weights,
    models_table,


rule fetch_weights:
    output:
        weights=f"{RESOURCES}/weights/{{weights}}.safetensors",
        note=f"{RESOURCES}/weights/{{weights}}.json",
    log:
        f"{RUN}/logs/weights/{{weights}}.log",
    benchmark:
        f"{RUN}/benchmarks/weights/{{weights}}.tsv"
    params:
        source=weights_params,
    wildcard_constraints:
        weights=one_of(map(re.escape, WEIGHTS)),
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/fetch_weights.py"


checkpoint list_layers:
    output:
        layers=f"{RUN}/layers/{{model}}.tsv",
    log:
        f"{RUN}/logs/layers/{{model}}.log",
    benchmark:
        f"{RUN}/benchmarks/layers/{{model}}.tsv"
    params:
        model=model_params,
        code=inventory_code,
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/list_layers.py"


rule models_table:
    output:
        table=f"{RUN}/tables/models.parquet",
    log:
        f"{RUN}/logs/models_table.log",
    benchmark:
        f"{RUN}/benchmarks/models_table.tsv"
    params:
        models=[SURVEY.models[model].metadata_row() for model in MODELS],
        code=code("models_table"),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    conda:
        "../../envs/brain.yaml"
    script:
        "../scripts/models_table.py"
