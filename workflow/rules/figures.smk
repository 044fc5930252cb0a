# Figures of the run, and the leaderboard as a table.
DRAWN_EXPERIMENTS = [experiment.name for experiment in EXPERIMENTS.values() if experiment.figure != "none"]


rule leaderboard:
    input:
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
    output:
        table=f"{RUN}/tables/leaderboard.csv",
    log:
        f"{RUN}/logs/leaderboard.log",
    benchmark:
        f"{RUN}/benchmarks/leaderboard.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("leaderboard"),
    script:
        "../scripts/leaderboard.py"


rule plot_leaderboard:
    input:
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
    output:
        svg=f"{RUN}/figures/leaderboard_{{dataset}}.svg",
        png=f"{RUN}/figures/leaderboard_{{dataset}}.png",
        narrow=f"{RUN}/figures/narrow/leaderboard_{{dataset}}.svg",
        narrow_png=f"{RUN}/figures/narrow/leaderboard_{{dataset}}.png",
    log:
        f"{RUN}/logs/figures/leaderboard_{{dataset}}.log",
    benchmark:
        f"{RUN}/benchmarks/figures/leaderboard_{{dataset}}.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_leaderboard"),
    script:
        "../scripts/plot_leaderboard.py"


rule plot_depth:
    input:
        layer_scores=f"{RUN}/tables/layer_scores.parquet",
        model_scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
        planted=planted_inventories,
    output:
        svg=f"{RUN}/figures/depth_{{dataset}}.svg",
        png=f"{RUN}/figures/depth_{{dataset}}.png",
        narrow=f"{RUN}/figures/narrow/depth_{{dataset}}.svg",
        narrow_png=f"{RUN}/figures/narrow/depth_{{dataset}}.png",
    log:
        f"{RUN}/logs/figures/depth_{{dataset}}.log",
    benchmark:
        f"{RUN}/benchmarks/figures/depth_{{dataset}}.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        options=dataset_options,
        code=code("plot_depth"),
    script:
        "../scripts/plot_depth.py"


rule plot_experiment:
    input:
        data=f"{RUN}/experiments/{{experiment}}/data.parquet",
    output:
        svg=expand(f"{RUN}/figures/experiment_{{experiment}}_{{dataset}}.svg", dataset=DATASETS, allow_missing=True),
        png=expand(f"{RUN}/figures/experiment_{{experiment}}_{{dataset}}.png", dataset=DATASETS, allow_missing=True),
        narrow=expand(
            f"{RUN}/figures/narrow/experiment_{{experiment}}_{{dataset}}.svg", dataset=DATASETS, allow_missing=True
        ),
        narrow_png=expand(
            f"{RUN}/figures/narrow/experiment_{{experiment}}_{{dataset}}.png", dataset=DATASETS, allow_missing=True
        ),
    log:
        f"{RUN}/logs/figures/experiment_{{experiment}}.log",
    benchmark:
        f"{RUN}/benchmarks/figures/experiment_{{experiment}}.tsv"
    wildcard_constraints:
        experiment=one_of(DRAWN_EXPERIMENTS),
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiment=experiment_params,
        datasets=list(DATASETS),
        code=code("plot_experiment"),
    script:
        "../scripts/plot_experiment.py"
