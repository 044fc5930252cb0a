# Scores: one job per model x subject x layer (or block of layers), then one table per model, then the run's tables.


localrules:
    collect_tables,


rule score:
    input:
        recipe=recipe("score"),
        geometry=geometry_of_dataset,
        target=f"{RUN}/targets/{{dataset}}/{{subject}}.h5",
        splits=f"{RUN}/splits/{{dataset}}.parquet",
        groups=tested_groups,
    output:
        # Kept while the job runs: it takes over the scores of metrics for which nothing has changed.
        scores=update(f"{RUN}/scores/{{model}}/{{dataset}}/{{subject}}/{{layers}}.parquet"),
    log:
        f"{RUN}/logs/scores/{{model}}/{{dataset}}/{{subject}}/{{layers}}.log",
    benchmark:
        f"{RUN}/benchmarks/scores/{{model}}/{{dataset}}/{{subject}}/{{layers}}.tsv"
    conda:
        "../../envs/networks.yaml" if CONFIG["score_on"] == "gpu" else "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=scoring_memory,
        runtime=scoring_minutes,
        gres=scoring_gres,
    params:
        config=SURVEY.stage_params("score"),
        regions=regions_of_dataset,
        tested=SURVEY.tested_layers,
    script:
        "../scripts/score.py"


rule collect_model:
    input:
        recipe=recipe("collect_model"),
        scores=job_tables,
    output:
        scores=f"{RUN}/scores/{{model}}/layers.parquet",
    log:
        f"{RUN}/logs/scores/{{model}}/collect_model.log",
    benchmark:
        f"{RUN}/benchmarks/scores/{{model}}/collect_model.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    script:
        "../scripts/collect_model.py"


rule select_layers:
    input:
        recipe=recipe("select_layers"),
        scores=scores_of_model,
        geometry=geometries,
        targets=TARGETS,
        splits=expand(f"{RUN}/splits/{{dataset}}.parquet", dataset=DATASETS),
        groups=expand(f"{RUN}/groups/{{dataset}}.parquet", dataset=GROUPED),
    output:
        folds=f"{RUN}/scores/{{model}}/folds.parquet",
        models=f"{RUN}/scores/{{model}}/selected.parquet",
        units=f"{RUN}/scores/{{model}}/units.parquet",
        resamples=f"{RUN}/scores/{{model}}/resamples.parquet",
    log:
        f"{RUN}/logs/scores/{{model}}/select_layers.log",
    benchmark:
        f"{RUN}/benchmarks/scores/{{model}}/select_layers.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        config=SURVEY.stage_params("evaluate"),
        select_on=select_on_params(),
    script:
        "../scripts/select_layers.py"


rule collect_tables:
    input:
        recipe=recipe("collect_tables"),
        layer_scores=scores_of_models,
        fold_scores=per_model("folds"),
        model_scores=per_model("selected"),
        unit_scores=per_model("units"),
        resamples=per_model("resamples"),
    output:
        layer_scores=f"{RUN}/tables/layer_scores.parquet",
        fold_scores=f"{RUN}/tables/fold_scores.parquet",
        model_scores=f"{RUN}/tables/model_scores.parquet",
        unit_scores=f"{RUN}/tables/unit_scores.parquet",
    log:
        f"{RUN}/logs/collect_tables.log",
    benchmark:
        f"{RUN}/benchmarks/collect_tables.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    script:
        "../scripts/collect_tables.py"
