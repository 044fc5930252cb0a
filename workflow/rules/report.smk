# One self-contained page.
import os

PAGE_PARTS = [
    "report.html.j2",
    "report.css",
    "report.js",
    "leaderboard.rst",
    "depth.rst",
]


rule report:
    input:
        layer_scores=f"{RUN}/tables/layer_scores.parquet",
        model_scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
        leaderboards=expand(f"{RUN}/figures/leaderboard_{{dataset}}.svg", dataset=DATASETS),
        depths=expand(f"{RUN}/figures/depth_{{dataset}}.svg", dataset=DATASETS),
        targets=first_targets(),
        planted=all_planted_inventories,
        page_parts=[os.path.relpath(PAGE / name) for name in PAGE_PARTS],
        narrow=expand(
            f"{RUN}/figures/narrow/{{figure}}_{{dataset}}.svg", figure=["leaderboard", "depth"], dataset=DATASETS
        ),
    output:
        page=f"{RUN}/report.html",
    log:
        f"{RUN}/logs/report.log",
    benchmark:
        f"{RUN}/benchmarks/report.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        config=CONFIG,
        planted=planted_options(),
        code=code("report"),
    script:
        "../scripts/report.py"
