# Figures of the run, and the leaderboard as a table.
FIGURES = ["leaderboard", "depth"]


rule leaderboard:
    input:
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
    output:
        table=f"{RUN}/tables/leaderboard.csv",
        svg=f"{RUN}/figures/leaderboard.svg",
        png=f"{RUN}/figures/leaderboard.png",
    log:
        f"{RUN}/logs/leaderboard.log",
    benchmark:
        f"{RUN}/benchmarks/leaderboard.tsv"
    params:
        code=code("leaderboard"),
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        "../../envs/brain.yaml"
    script:
        "../scripts/leaderboard.py"


rule depth:
    input:
        scores=f"{RUN}/tables/layer_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
    output:
        svg=f"{RUN}/figures/depth.svg",
        png=f"{RUN}/figures/depth.png",
    log:
        f"{RUN}/logs/depth.log",
    benchmark:
        f"{RUN}/benchmarks/depth.tsv"
    params:
        code=code("depth"),
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        "../../envs/brain.yaml"
    script:
        "../scripts/depth.py"
