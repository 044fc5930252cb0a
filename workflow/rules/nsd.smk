# The Natural Scenes Dataset: fetching what the config needs of it, and writing a simulated twin.
import yaml

NSD_FETCHED = [d for d in DATASETS.values() if d.reader == "nsd" and not d.options.get("nsd_root")]
NSD_TWIN_SPEC = "config/nsd_twin.yaml"


def nsd_fetch_params():
    """What is fetched, as plain data: options and subjects of every dataset without a copy of its own."""
    return [{"options": dict(d.options), "subjects": list(d.subjects)} for d in NSD_FETCHED]


def nsd_twin_models():
    """Models whose layers the twin plants, each once."""
    spec = Path(NSD_TWIN_SPEC)
    planted = (yaml.safe_load(spec.read_text()) or {}).get("planted") or {} if spec.exists() else {}
    return list(dict.fromkeys(entry["model"] for entry in planted.values()))


def nsd_twin_weights(wildcards):
    return [path for model in nsd_twin_models() for path in weights_input(model).values()]


def nsd_twin_params(wildcards):
    return [build_params(model) for model in nsd_twin_models()]


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
        mem_mb=2000,
        runtime=2880,
    params:
        datasets=nsd_fetch_params(),
        code=code("fetch_nsd"),
    script:
        "../scripts/fetch_nsd.py"


rule write_nsd_twin:
    input:
        spec=NSD_TWIN_SPEC,
        weights=nsd_twin_weights,
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
        mem_mb=6000,
        runtime=120,
    params:
        models=nsd_twin_params,
        code=code("write_nsd_twin"),
    script:
        "../scripts/write_nsd_twin.py"
