# Responses to new images, predicted by every model with the layers that were selected. Only with config key predictions.


rule build_new_images:
    input:
        recipe=recipe("build_new_images"),
        files=new_image_files,
    output:
        images=f"{RUN}/predictions/{{images}}/images.h5",
    log:
        f"{RUN}/logs/predictions/{{images}}.log",
    benchmark:
        f"{RUN}/benchmarks/predictions/{{images}}.tsv"
    conda:
        "../../envs/brain.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        folder=new_image_folder,
    script:
        "../scripts/build_new_images.py"


rule predict:
    input:
        unpack(extraction_weights),
        recipe=recipe("predict"),
        images=f"{RUN}/predictions/{{images}}/images.h5",
        stimuli=stimuli_of_dataset,
        layers=inventory,
        geometry=geometry_of_dataset,
        folds=f"{RUN}/scores/{{model}}/folds.parquet",
        splits=f"{RUN}/splits/{{dataset}}.parquet",
        targets=targets_of_dataset,
    output:
        table=f"{RUN}/predictions/{{images}}/{{dataset}}/{{model}}.parquet",
    log:
        f"{RUN}/logs/predictions/{{images}}/{{dataset}}/{{model}}.log",
    benchmark:
        f"{RUN}/benchmarks/predictions/{{images}}/{{dataset}}/{{model}}.tsv"
    wildcard_constraints:
        images=one_of(SURVEY.new_images),
    conda:
        "../../envs/networks.yaml"
    threads: 1
    resources:
        mem_mb=extraction_memory,
        runtime=extraction_minutes,
        gpu_mem_mb=extraction_gpu_memory,
    params:
        model=model_params,
        selected=prediction_params,
        extract=SURVEY.stage_params("extract"),
        score=SURVEY.stage_params("score"),
    script:
        "../scripts/predict.py"
