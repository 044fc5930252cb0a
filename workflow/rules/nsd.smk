# The Natural Scenes Dataset: fetching what the config needs of it, noise ceilings, and a simulated twin.
from menagerie.survey.contents import TWIN_SPECS


localrules:
    fetch_nsd,


rule fetch_nsd:
    output:
        note=f"{RESOURCES}/nsd/fetched.json",
    log:
        f"{RUN}/logs/fetch_nsd.log",
    benchmark:
        f"{RUN}/benchmarks/fetch_nsd.tsv"
    retries: 3  # it goes on where it stopped
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(2880),
    params:
        datasets=fetch_params("nsd"),
    script:
        "../scripts/fetch_nsd.py"


rule estimate_ceilings:
    input:
        unpack(ceiling_inputs),
        recipe=recipe("estimate_ceilings"),
    output:
        ceilings=f"{RUN}/ceilings/{{dataset}}/{{subject}}.parquet",
    log:
        f"{RUN}/logs/ceilings/{{dataset}}/{{subject}}.log",
    benchmark:
        f"{RUN}/benchmarks/ceilings/{{dataset}}/{{subject}}.tsv"
    wildcard_constraints:
        dataset=one_of([d.name for d in DATASETS.values() if d.with_ceilings]),
    conda:
        "../../envs/brain.yaml"
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        dataset=ceiling_params,
    script:
        "../scripts/estimate_ceilings.py"


rule write_nsd_twin:
    input:
        recipe=recipe("write_nsd_twin"),
        spec=ancient(shipped(TWIN_SPECS["nsd"])),
        weights=twin_weights("nsd"),
    output:
        design=f"{RESOURCES}/nsd_twin/nsddata/experiments/nsd/nsd_expdesign.mat",
    log:
        f"{RUN}/logs/write_nsd_twin.log",
    benchmark:
        f"{RUN}/benchmarks/write_nsd_twin.tsv"
    conda:
        "../../envs/networks.yaml"
    threads: 2
    resources:
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        models=twin_params("nsd"),
    script:
        "../scripts/write_nsd_twin.py"
