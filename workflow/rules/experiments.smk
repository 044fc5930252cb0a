# Experiments: from score tables to effects. Only those that the config lists under 'experiments'.
try:
    EXPERIMENTS = SURVEY.experiments
except MenagerieError as error:
    raise WorkflowError(str(error)) from None


rule experiment:
    input:
        recipe=recipe("experiment"),
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
        resamples=[] if SURVEY.from_tables else per_model("resamples"),
    output:
        data=f"{RUN}/experiments/{{experiment}}/data.parquet",
        effects=f"{RUN}/experiments/{{experiment}}/effects.parquet",
    log:
        f"{RUN}/logs/experiments/{{experiment}}.log",
    benchmark:
        f"{RUN}/benchmarks/experiments/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=one_of(EXPERIMENTS),
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        experiment=experiment_params,
    script:
        "../scripts/experiment.py"


rule overall:
    input:
        recipe=recipe("overall"),
        scores=f"{RUN}/tables/model_scores.parquet",
        models=f"{RUN}/tables/models.parquet",
        geometry=(
            []
            if SURVEY.from_tables
            else expand(f"{RUN}/geometry/{{stimuli}}/{{model}}.h5", stimuli=STIMULI, model=MODELS)
        ),
    output:
        data=f"{RUN}/experiments/overall/data.parquet",
        effects=f"{RUN}/experiments/overall/effects.parquet",
    log:
        f"{RUN}/logs/experiments/overall.log",
    benchmark:
        f"{RUN}/benchmarks/experiments/overall.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        config=overall_params(),
    script:
        "../scripts/overall.py"
