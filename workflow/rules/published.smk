# What the published tables of the 2024 survey hold besides scores: similarities of models, and every printed number.
from menagerie.statistics.experiments import read_experiments


rule published_similarity:
    input:
        recipe=recipe("published_similarity"),
        files=published_inputs(),
    output:
        similarity=f"{RUN}/experiments/model_to_model/{{dataset}}/{MEAN}/similarity.parquet",
        map=f"{RUN}/experiments/model_to_model/{{dataset}}/{MEAN}/map.parquet",
    log:
        f"{RUN}/logs/experiments/model_to_model/{{dataset}}/{MEAN}.log",
    benchmark:
        f"{RUN}/benchmarks/experiments/model_to_model/{{dataset}}/{MEAN}.tsv"
    wildcard_constraints:
        dataset=one_of([SURVEY.survey_dataset]),
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        folder=SURVEY.published_folder,
        registry=SURVEY.registry_file,
        names={model: SURVEY.models[model].metadata["published_id"] for model in MODELS},
    script:
        "../scripts/published_similarity.py"


rule reproduce:
    input:
        recipe=recipe("reproduce"),
        files=published_inputs(),
    output:
        markdown=f"{RUN}/reproduction.md",
        table=f"{RUN}/tables/reproduction.parquet",
    log:
        f"{RUN}/logs/reproduce.log",
    benchmark:
        f"{RUN}/benchmarks/reproduce.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        folder=SURVEY.published_folder,
        registry=SURVEY.registry_file,
        experiments=SURVEY.experiments_file,
        definitions={name: one.as_entry() for name, one in read_experiments(SURVEY.experiments_file).items()},
        models=[SURVEY.models[model].as_row() for model in MODELS],
    script:
        "../scripts/reproduce.py"
