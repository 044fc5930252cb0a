# LAION-fMRI: fetching what the config needs of it, and a simulated twin.
from menagerie.survey.contents import TWIN_SPECS


localrules:
    fetch_laion,


rule fetch_laion:
    output:
        note=f"{RESOURCES}/laion/fetched.json",
    log:
        f"{RUN}/logs/fetch_laion.log",
    benchmark:
        f"{RUN}/benchmarks/fetch_laion.tsv"
    retries: 3  # it goes on where it stopped
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(2880),
    params:
        datasets=fetch_params("laion"),
    script:
        "../scripts/fetch_laion.py"


rule write_laion_twin:
    input:
        recipe=recipe("write_laion_twin"),
        spec=ancient(shipped(TWIN_SPECS["laion"])),
        weights=twin_weights("laion"),
    output:
        description=f"{RESOURCES}/laion_twin/dataset_description.json",
    log:
        f"{RUN}/logs/write_laion_twin.log",
    benchmark:
        f"{RUN}/benchmarks/write_laion_twin.tsv"
    conda:
        "../../envs/networks.yaml"
    threads: 2
    resources:
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        models=twin_params("laion"),
    script:
        "../scripts/write_laion_twin.py"
