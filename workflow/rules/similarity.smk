# Model to model: how alike the selected layers of every two models are.


rule model_to_model:
    input:
        recipe=recipe("model_to_model"),
        scores=f"{RUN}/tables/model_scores.parquet",
        geometry=geometries_of_dataset,
        target=f"{RUN}/targets/{{dataset}}/{{subject}}.h5",
        splits=f"{RUN}/splits/{{dataset}}.parquet",
    output:
        similarity=f"{RUN}/experiments/model_to_model/{{dataset}}/{{subject}}/similarity.parquet",
        map=f"{RUN}/experiments/model_to_model/{{dataset}}/{{subject}}/map.parquet",
    log:
        f"{RUN}/logs/experiments/model_to_model/{{dataset}}/{{subject}}.log",
    benchmark:
        f"{RUN}/benchmarks/experiments/model_to_model/{{dataset}}/{{subject}}.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        ridge=ridge_params(),
    script:
        "../scripts/model_to_model.py"
