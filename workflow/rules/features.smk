# The only rule that runs networks over images: one container of layer geometries per model and stimulus set.


rule extract_geometry:
    input:
        unpack(extraction_weights),
        recipe=recipe("extract_geometry"),
        stimuli=f"{RUN}/stimuli/{{stimuli}}.h5",
        layers=inventory,
    output:
        geometry=f"{RUN}/geometry/{{stimuli}}/{{model}}.h5",
    log:
        f"{RUN}/logs/geometry/{{stimuli}}/{{model}}.log",
    benchmark:
        f"{RUN}/benchmarks/geometry/{{stimuli}}/{{model}}.tsv"
    conda:
        "../../envs/networks.yaml"
    threads: 1
    resources:
        mem_mb=extraction_memory,
        runtime=extraction_minutes,
        gpu_mem_mb=extraction_gpu_memory,
    params:
        model=model_params,
        layers=chosen_layers_params,
        config=SURVEY.stage_params("extract"),
    script:
        "../scripts/extract_geometry.py"
