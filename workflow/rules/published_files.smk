# The files that the 2024 survey published: a copy of yours, or downloaded and checked.
from menagerie.statistics.benchmark import FILES, require_published

PUBLISHED_KEY = f"scores.{SURVEY.survey_dataset}.survey" if SURVEY.survey_dataset else "standing"
if SURVEY.published_copy:
    try:
        require_published(SURVEY.published_folder, f"{PUBLISHED_KEY}.folder")
    except MenagerieError as error:
        raise WorkflowError(str(error)) from None


def published_inputs():
    """The survey's published files; those of a copy count by their contents."""
    fetched = () if SURVEY.published_copy else SURVEY.published_files.values()
    return list(from_sources(SURVEY.published_files, fetched).values())


localrules:
    fetch_published,


rule fetch_published:
    output:
        files=[f"{RESOURCES}/published/{name}" for name in FILES],
    log:
        f"{RUN}/logs/fetch_published.log",
    benchmark:
        f"{RUN}/benchmarks/fetch_published.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        folder=f"{RESOURCES}/published",
        url=SURVEY.published_url,
    script:
        "../scripts/fetch_published.py"
