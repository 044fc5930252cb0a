# Brain side: downloads, stimulus sets, and one target per dataset and subject.
from menagerie.brain.readers.simulated import planted_layers

SIMULATED = [d.name for d in DATASETS.values() if d.reader == "simulated"]
MEASURED = [name for name in DATASETS if name not in SIMULATED]


def stimuli_inputs(wildcards):
    return STIMULI[wildcards.stimuli].inputs(RESOURCES)


def target_inputs(wildcards):
    dataset = DATASETS[wildcards.dataset]
    return {"stimuli": f"{RUN}/stimuli/{dataset.stimuli}.h5", **dataset.inputs(RESOURCES)}


def planted_models(wildcards):
    """Models whose layers a simulated dataset plants, each once."""
    planted = planted_layers(DATASETS[wildcards.dataset].options)
    return list(dict.fromkeys(model for model, _ in planted.values()))


def planted_inputs(wildcards):
    weights = [path for model in planted_models(wildcards) for path in weights_input(model).values()]
    return target_inputs(wildcards) | {"weights": weights}


def reader_code(rule, dataset):
    return code(rule, [f"menagerie.brain.readers.{dataset.reader}"])


def plain_dataset(dataset):
    """What a stimulus set or target depends on, as plain data."""
    return {"reader": dataset.reader, "options": dict(dataset.options)}


def stimuli_params(wildcards):
    return plain_dataset(STIMULI[wildcards.stimuli])


def stimuli_code(wildcards):
    return reader_code("build_stimuli", STIMULI[wildcards.stimuli])


def target_params(wildcards):
    dataset = DATASETS[wildcards.dataset]
    return plain_dataset(dataset) | {"stimuli": dataset.stimuli}


def target_code(wildcards):
    return reader_code("build_target", DATASETS[wildcards.dataset])


def planted_params(wildcards):
    models = [build_params(model) for model in planted_models(wildcards)]
    return target_params(wildcards) | {"models": models, "transform": CONFIG["images"]["transform"]}


def planted_code(wildcards):
    providers = [f"menagerie.models.providers.{SURVEY.spec(model).provider}" for model in planted_models(wildcards)]
    return code("simulate_target", ["menagerie.brain.readers.simulated", *providers])


localrules:
    fetch_kriegeskorte92,


rule fetch_kriegeskorte92:
    output:
        rdms=f"{RESOURCES}/kriegeskorte92/92_brainRDMs.mat",
        supplement=f"{RESOURCES}/kriegeskorte92/Kriegeskorte_Neuron2008_supplementalData.mat",
    log:
        f"{RUN}/logs/fetch_kriegeskorte92.log",
    benchmark:
        f"{RUN}/benchmarks/fetch_kriegeskorte92.tsv"
    params:
        resources=RESOURCES,
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    conda:
        "../../envs/brain.yaml"
    script:
        "../scripts/fetch_kriegeskorte92.py"


rule build_stimuli:
    input:
        unpack(stimuli_inputs),
    output:
        stimuli=f"{RUN}/stimuli/{{stimuli}}.h5",
    log:
        f"{RUN}/logs/stimuli/{{stimuli}}.log",
    benchmark:
        f"{RUN}/benchmarks/stimuli/{{stimuli}}.tsv"
    params:
        dataset=stimuli_params,
        code=stimuli_code,
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        "../../envs/brain.yaml"
    script:
        "../scripts/build_stimuli.py"


rule build_target:
    input:
        unpack(target_inputs),
    output:
        target=f"{RUN}/targets/{{dataset}}/{{subject}}.h5",
    log:
        f"{RUN}/logs/targets/{{dataset}}/{{subject}}.log",
    benchmark:
        f"{RUN}/benchmarks/targets/{{dataset}}/{{subject}}.tsv"
    params:
        dataset=target_params,
        code=target_code,
    wildcard_constraints:
        dataset=one_of(MEASURED),
    threads: 1
    resources:
        mem_mb=6000,
        runtime=60,
    conda:
        "../../envs/brain.yaml"
    script:
        "../scripts/build_target.py"


rule simulate_target:
    input:
        unpack(planted_inputs),
    output:
        target=f"{RUN}/targets/{{dataset}}/{{subject}}.h5",
    log:
        f"{RUN}/logs/targets/{{dataset}}/{{subject}}.log",
    benchmark:
        f"{RUN}/benchmarks/targets/{{dataset}}/{{subject}}.tsv"
    params:
        dataset=planted_params,
        code=planted_code,
    wildcard_constraints:
        dataset=one_of(SIMULATED),
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/simulate_target.py"
