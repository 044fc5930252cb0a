# Findings of one dataset, looked for in others. Only with config key replication.
REPLICATION = CONFIG["replication"]


rule replication:
    input:
        recipe=recipe("replication"),
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
        resamples=[] if SURVEY.from_tables else per_model("resamples"),
    output:
        table=f"{RUN}/tables/replication.parquet",
    log:
        f"{RUN}/logs/replication.log",
    benchmark:
        f"{RUN}/benchmarks/replication.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        compared=REPLICATION,
        experiments={name: one.as_entry() for name, one in EXPERIMENTS.items()},
    script:
        "../scripts/replication.py"


rule plot_replication:
    input:
        recipe=recipe("plot_replication"),
        table=rules.replication.output.table,
    output:
        svg=report(f"{RUN}/figures/replication.svg", caption="../report/replication.rst", category="Replication"),
        png=f"{RUN}/figures/replication.png",
        narrow=f"{RUN}/figures/narrow/replication.svg",
        narrow_png=f"{RUN}/figures/narrow/replication.png",
    log:
        f"{RUN}/logs/figures/replication.log",
    benchmark:
        f"{RUN}/benchmarks/figures/replication.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        experiments={name: one.as_entry() for name, one in EXPERIMENTS.items()},
    script:
        "../scripts/plot_replication.py"


rule replication_page:
    input:
        recipe=recipe("replication_page"),
        table=rules.replication.output.table,
        svg=rules.plot_replication.output.svg,
        narrow=rules.plot_replication.output.narrow,
        targets=[] if SURVEY.from_tables else TARGETS,
        page_parts=PAGE_PARTS,
    output:
        page=f"{RUN}/replication.html",
    log:
        f"{RUN}/logs/replication_page.log",
    benchmark:
        f"{RUN}/benchmarks/replication_page.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        run=CONFIG["run"],
        views={name: view.dataset.name for name, view in VIEWS.items()},
        compared=REPLICATION,
        experiments={name: one.as_entry() for name, one in EXPERIMENTS.items()},
    script:
        "../scripts/replication_page.py"
