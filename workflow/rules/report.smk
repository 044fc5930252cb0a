# One self-contained page.
import os

PAGE_PARTS = sorted(os.path.relpath(path) for path in PAGE.iterdir())


rule report:
    input:
        recipe=recipe("report"),
        tables=expand(
            f"{RUN}/tables/{{table}}.parquet",
            table=[t for t in TABLES if t not in ("unit_scores", "fold_scores", "pairwise")],
        ),
        figures=page_figures(),
        narrow=page_figures(narrow=True),
        data=experiment_tables("data"),
        effects=experiment_tables("effects"),
        similarity=similarity_tables("similarity"),
        targets=[] if SURVEY.from_tables else TARGETS,
        planted=all_planted_inventories,
        layers=inventories_of_models,
        page_parts=PAGE_PARTS,
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
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        config=CONFIG,
        views={name: [view.dataset.name, view.split, view.title] for name, view in VIEWS.items()},
        experiments={name: one.as_entry() for name, one in EXPERIMENTS.items()},
        sources=sources_of_tables(),
        planted=planted_options(),
        left_out=SURVEY.left_out,
    script:
        "../scripts/report.py"
