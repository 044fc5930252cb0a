# Brain side: downloads, stimulus sets, and one target per dataset and subject.
# Downloads are checked by SHA-256, so a change of code does not repeat them.


localrules:
    fetch_kriegeskorte92,
    fetch_v4,
    define_groups,
    define_splits,


rule fetch_kriegeskorte92:
    output:
        rdms=f"{RESOURCES}/kriegeskorte92/92_brainRDMs.mat",
        supplement=f"{RESOURCES}/kriegeskorte92/Kriegeskorte_Neuron2008_supplementalData.mat",
    log:
        f"{RUN}/logs/fetch_kriegeskorte92.log",
    benchmark:
        f"{RUN}/benchmarks/fetch_kriegeskorte92.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        archive=option_of("kriegeskorte92", "archive"),
    script:
        "../scripts/fetch_kriegeskorte92.py"


rule fetch_v4:
    output:
        responses=f"{RESOURCES}/v4_210325/responses_raw_210325.npy",
        images=f"{RESOURCES}/v4_210325/images_210325.zip",
    log:
        f"{RUN}/logs/fetch_v4.log",
    benchmark:
        f"{RUN}/benchmarks/fetch_v4.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        folder=option_of("v4", "folder"),
    script:
        "../scripts/fetch_v4.py"


rule build_stimuli:
    input:
        unpack(stimuli_inputs),
        recipe=recipe("build_stimuli"),
    output:
        stimuli=f"{RUN}/stimuli/{{stimuli}}.h5",
    log:
        f"{RUN}/logs/stimuli/{{stimuli}}.log",
    benchmark:
        f"{RUN}/benchmarks/stimuli/{{stimuli}}.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        dataset=stimuli_params,
    script:
        "../scripts/build_stimuli.py"


rule define_splits:
    input:
        unpack(split_inputs),
        recipe=recipe("define_splits"),
        stimuli=stimuli_of_dataset,
    output:
        splits=f"{RUN}/splits/{{dataset}}.parquet",
    log:
        f"{RUN}/logs/splits/{{dataset}}.log",
    benchmark:
        f"{RUN}/benchmarks/splits/{{dataset}}.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        dataset=split_params,
    script:
        "../scripts/define_splits.py"


rule define_groups:
    input:
        files=group_inputs,
        recipe=recipe("define_groups"),
        stimuli=stimuli_of_dataset,
    output:
        groups=f"{RUN}/groups/{{dataset}}.parquet",
    log:
        f"{RUN}/logs/groups/{{dataset}}.log",
    benchmark:
        f"{RUN}/benchmarks/groups/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=one_of(GROUPED),
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        dataset=group_params,
    script:
        "../scripts/define_groups.py"


rule build_target:
    input:
        unpack(target_inputs),
        recipe=recipe("build_target"),
    output:
        target=f"{RUN}/targets/{{dataset}}/{{subject}}.h5",
    log:
        f"{RUN}/logs/targets/{{dataset}}/{{subject}}.log",
    benchmark:
        f"{RUN}/benchmarks/targets/{{dataset}}/{{subject}}.tsv"
    wildcard_constraints:
        dataset=one_of(MEASURED),
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=growing(60),
    params:
        dataset=target_params,
    script:
        "../scripts/build_target.py"


rule simulate_target:
    input:
        unpack(planted_inputs),
        recipe=recipe("simulate_target"),
    output:
        target=f"{RUN}/targets/{{dataset}}/{{subject}}.h5",
    log:
        f"{RUN}/logs/targets/{{dataset}}/{{subject}}.log",
    benchmark:
        f"{RUN}/benchmarks/targets/{{dataset}}/{{subject}}.tsv"
    wildcard_constraints:
        dataset=one_of(SIMULATED),
    conda:
        "../../envs/networks.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        dataset=planted_params,
    script:
        "../scripts/simulate_target.py"
