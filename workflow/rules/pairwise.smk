# Models against each other, subject by subject.


rule compare_pairs:
    input:
        recipe=recipe("compare_pairs"),
        folds=per_model("folds"),
        resamples=per_model("resamples"),
        geometry=geometries_of_dataset,
        target=f"{RUN}/targets/{{dataset}}/{{subject}}.h5",
        splits=f"{RUN}/splits/{{dataset}}.parquet",
        groups=groups_of_dataset,
    output:
        pairs=f"{RUN}/experiments/pairwise/{{dataset}}/{{subject}}.parquet",
    log:
        f"{RUN}/logs/experiments/pairwise/{{dataset}}/{{subject}}.log",
    benchmark:
        f"{RUN}/benchmarks/experiments/pairwise/{{dataset}}/{{subject}}.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=pairing_memory,
        runtime=growing(120),
    params:
        config=SURVEY.stage_params("pairwise"),
    script:
        "../scripts/compare_pairs.py"


rule pairwise:
    input:
        recipe=recipe("pairwise"),
        pairs=pair_tables,
    output:
        pairwise=f"{RUN}/tables/pairwise.parquet",
    log:
        f"{RUN}/logs/pairwise.log",
    benchmark:
        f"{RUN}/benchmarks/pairwise.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    script:
        "../scripts/pairwise.py"
