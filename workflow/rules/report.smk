# One self-contained page.


rule report:
    input:
        tables=expand(f"{RUN}/tables/{{table}}.parquet", table=TABLES),
        leaderboard=f"{RUN}/tables/leaderboard.csv",
        figures=expand(f"{RUN}/figures/{{figure}}.svg", figure=FIGURES),
        targets=TARGETS,
    output:
        page=f"{RUN}/report.html",
    log:
        f"{RUN}/logs/report.log",
    benchmark:
        f"{RUN}/benchmarks/report.tsv"
    params:
        config=CONFIG,
        code=code("report"),
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        "../../envs/brain.yaml"
    script:
        "../scripts/report.py"
