# Where the models of the run stand among those of the 2024 survey. Only with config key standing.


rule standing:
    input:
        recipe=recipe("standing"),
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
        similarity=similarity_tables("similarity"),
        targets=TARGETS,
        stimuli=expand(f"{RUN}/stimuli/{{stimuli}}.h5", stimuli=STIMULI),
        files=published_inputs(),
    output:
        standing=f"{RUN}/tables/standing.parquet",
        neighbours=f"{RUN}/tables/neighbours.parquet",
    log:
        f"{RUN}/logs/standing.log",
    benchmark:
        f"{RUN}/benchmarks/standing.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        folder=SURVEY.published_folder,
        registry=SURVEY.registry_file,
        datasets={dataset.name: dataset.stimuli for dataset in DATASETS.values()},
        settings=SURVEY.stage_params("standing"),
    script:
        "../scripts/standing.py"
