# Figures of the run, and the leaderboard as a table.
DRAWN_EXPERIMENTS = SURVEY.drawn_experiments


rule leaderboard:
    input:
        recipe=recipe("leaderboard"),
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
    output:
        table=report(
            f"{RUN}/tables/leaderboard.csv",
            caption="../report/leaderboard_table.rst",
            category="Leaderboard",
            labels={"table": "all datasets"},
        ),
    log:
        f"{RUN}/logs/leaderboard.log",
    benchmark:
        f"{RUN}/benchmarks/leaderboard.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    script:
        "../scripts/leaderboard.py"


rule plot_leaderboard:
    input:
        recipe=recipe("plot_leaderboard"),
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
    output:
        svg=report(
            f"{RUN}/figures/leaderboard_{{dataset}}.svg",
            caption="../report/leaderboard.rst",
            category="Leaderboard",
            labels={"dataset": "{dataset}"},
        ),
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
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        note=view_note,
    script:
        "../scripts/plot_leaderboard.py"


rule plot_depth:
    input:
        recipe=recipe("plot_depth"),
        layer_scores=f"{RUN}/tables/layer_scores.parquet",
        model_scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
        planted=planted_inventories,
    output:
        svg=report(
            f"{RUN}/figures/depth_{{dataset}}.svg",
            caption="../report/depth.rst",
            category="Depth",
            labels={"dataset": "{dataset}"},
        ),
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
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        options=view_options,
        dataset=view_dataset,
        split=view_split,
        note=view_note,
    script:
        "../scripts/plot_depth.py"


rule plot_experiment:
    input:
        recipe=recipe("plot_experiment"),
        data=f"{RUN}/experiments/{{experiment}}/data.parquet",
    output:
        svg=report(
            expand(f"{RUN}/figures/experiment_{{experiment}}_{{dataset}}.svg", dataset=VIEWS, allow_missing=True),
            caption="../report/experiment.rst",
            category="Experiments",
            labels={"experiment": "{experiment}"},
        ),
        png=expand(f"{RUN}/figures/experiment_{{experiment}}_{{dataset}}.png", dataset=VIEWS, allow_missing=True),
        narrow=expand(
            f"{RUN}/figures/narrow/experiment_{{experiment}}_{{dataset}}.svg", dataset=VIEWS, allow_missing=True
        ),
        narrow_png=expand(
            f"{RUN}/figures/narrow/experiment_{{experiment}}_{{dataset}}.png", dataset=VIEWS, allow_missing=True
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
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        experiment=experiment_text,
        notes=to_param(view_notes()),
    script:
        "../scripts/plot_experiment.py"


rule plot_people:
    input:
        recipe=recipe("plot_people"),
        effects=f"{RUN}/experiments/{{experiment}}/effects.parquet",
    output:
        svg=report(
            expand(f"{RUN}/figures/people_{{experiment}}_{{dataset}}.svg", dataset=VIEWS, allow_missing=True),
            caption="../report/people.rst",
            category="Experiments",
            labels={"experiment": "{experiment}"},
        ),
        png=expand(f"{RUN}/figures/people_{{experiment}}_{{dataset}}.png", dataset=VIEWS, allow_missing=True),
        narrow=expand(f"{RUN}/figures/narrow/people_{{experiment}}_{{dataset}}.svg", dataset=VIEWS, allow_missing=True),
        narrow_png=expand(
            f"{RUN}/figures/narrow/people_{{experiment}}_{{dataset}}.png", dataset=VIEWS, allow_missing=True
        ),
    log:
        f"{RUN}/logs/figures/people_{{experiment}}.log",
    benchmark:
        f"{RUN}/benchmarks/figures/people_{{experiment}}.tsv"
    wildcard_constraints:
        experiment=one_of(DRAWN_EXPERIMENTS),
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        experiment=experiment_text,
        notes=to_param(view_notes()),
    script:
        "../scripts/plot_people.py"


rule plot_overall:
    input:
        recipe=recipe("plot_overall"),
        data=f"{RUN}/experiments/overall/data.parquet",
        effects=f"{RUN}/experiments/overall/effects.parquet",
    output:
        svg=report(
            expand(f"{RUN}/figures/overall_{{dataset}}.svg", dataset=VIEWS),
            caption="../report/overall.rst",
            category="Variation over all models",
            labels={"figure": "overall"},
        ),
        png=expand(f"{RUN}/figures/overall_{{dataset}}.png", dataset=VIEWS),
        narrow=expand(f"{RUN}/figures/narrow/overall_{{dataset}}.svg", dataset=VIEWS),
        narrow_png=expand(f"{RUN}/figures/narrow/overall_{{dataset}}.png", dataset=VIEWS),
    log:
        f"{RUN}/logs/figures/overall.log",
    benchmark:
        f"{RUN}/benchmarks/figures/overall.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        notes=to_param(view_notes()),
    script:
        "../scripts/plot_overall.py"


rule plot_supplement:
    input:
        recipe=recipe("plot_supplement"),
        data=f"{RUN}/experiments/overall/data.parquet",
    output:
        svg=report(
            expand(f"{RUN}/figures/supplement_{{dataset}}.svg", dataset=VIEWS),
            caption="../report/supplement.rst",
            category="Variation over all models",
            labels={"figure": "supplement"},
        ),
        png=expand(f"{RUN}/figures/supplement_{{dataset}}.png", dataset=VIEWS),
        narrow=expand(f"{RUN}/figures/narrow/supplement_{{dataset}}.svg", dataset=VIEWS),
        narrow_png=expand(f"{RUN}/figures/narrow/supplement_{{dataset}}.png", dataset=VIEWS),
    log:
        f"{RUN}/logs/figures/supplement.log",
    benchmark:
        f"{RUN}/benchmarks/figures/supplement.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        notes=to_param(view_notes()),
    script:
        "../scripts/plot_supplement.py"


rule plot_model_to_model:
    input:
        recipe=recipe("plot_model_to_model"),
        similarity=similarities_of_dataset,
        models=f"{RUN}/tables/models.parquet",
        data=expand(f"{RUN}/experiments/{{experiment}}/data.parquet", experiment=DRAWN_EXPERIMENTS),
    output:
        svg=report(
            f"{RUN}/figures/model_to_model_{{dataset}}.svg",
            caption="../report/model_to_model.rst",
            category="Model to model",
            labels={"dataset": "{dataset}"},
        ),
        png=f"{RUN}/figures/model_to_model_{{dataset}}.png",
        narrow=f"{RUN}/figures/narrow/model_to_model_{{dataset}}.svg",
        narrow_png=f"{RUN}/figures/narrow/model_to_model_{{dataset}}.png",
    log:
        f"{RUN}/logs/figures/model_to_model_{{dataset}}.log",
    benchmark:
        f"{RUN}/benchmarks/figures/model_to_model_{{dataset}}.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        experiments=to_param({name: EXPERIMENTS[name].as_entry() for name in DRAWN_EXPERIMENTS}),
    script:
        "../scripts/plot_model_to_model.py"


rule plot_overview:
    input:
        recipe=recipe("plot_overview"),
        targets=targets_of_dataset,
        splits=f"{RUN}/splits/{{dataset}}.parquet",
        geometry=geometries_of_dataset,
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
        data=expand(f"{RUN}/experiments/{{experiment}}/data.parquet", experiment=EXPERIMENTS),
    output:
        svg=report(
            f"{RUN}/figures/overview_{{dataset}}.svg",
            caption="../report/overview.rst",
            category="Overview",
            labels={"dataset": "{dataset}"},
        ),
        png=f"{RUN}/figures/overview_{{dataset}}.png",
        narrow=f"{RUN}/figures/narrow/overview_{{dataset}}.svg",
        narrow_png=f"{RUN}/figures/narrow/overview_{{dataset}}.png",
    log:
        f"{RUN}/logs/figures/overview_{{dataset}}.log",
    benchmark:
        f"{RUN}/benchmarks/figures/overview_{{dataset}}.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        ridge=ridge_params(),
    script:
        "../scripts/plot_overview.py"
