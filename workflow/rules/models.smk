# Model side: weights as safetensors in a shared cache, and the layer inventory of every model.


localrules:
    fetch_weights,
    models_table,


rule fetch_weights:
    input:
        sources=weights_sources,
    output:
        weights=f"{RESOURCES}/weights/{{model}}-{{key}}.safetensors",
    log:
        f"{RUN}/logs/weights/{{model}}-{{key}}.log",
    benchmark:
        f"{RUN}/benchmarks/weights/{{model}}-{{key}}.tsv"
    wildcard_constraints:
        model=one_of(TRAINED),
        key="[0-9a-f]{16}",
    conda:
        "../../envs/networks.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        source=weights_params,
    script:
        "../scripts/fetch_weights.py"


checkpoint list_layers:
    input:
        recipe=recipe("list_layers"),
    output:
        layers=f"{RUN}/layers/{{model}}.tsv",
    log:
        f"{RUN}/logs/layers/{{model}}.log",
    benchmark:
        f"{RUN}/benchmarks/layers/{{model}}.tsv"
    priority: 10
    conda:
        "../../envs/networks.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        model=model_params,
    script:
        "../scripts/list_layers.py"


rule models_table:
    input:
        recipe=recipe("models_table"),
    output:
        table=f"{RUN}/tables/models.parquet",
    log:
        f"{RUN}/logs/models_table.log",
    benchmark:
        f"{RUN}/benchmarks/models_table.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        models=[SURVEY.models[model].as_row() for model in MODELS],
    script:
        "../scripts/models_table.py"
