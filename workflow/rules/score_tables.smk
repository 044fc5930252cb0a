# Scores from tables, in the shape of a run's own: instead of networks, brains and scoring jobs.


rule score_tables:
    input:
        recipe=recipe("score_tables"),
        files=score_table_inputs,
    output:
        model_scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
    log:
        f"{RUN}/logs/score_tables.log",
    benchmark:
        f"{RUN}/benchmarks/score_tables.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        scores=CONFIG["scores"],
        folder=SURVEY.published_folder,
        registry=SURVEY.registry_file,
        models=[SURVEY.models[model].as_row() for model in MODELS],
    script:
        "../scripts/score_tables.py"
