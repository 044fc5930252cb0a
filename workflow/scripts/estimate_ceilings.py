"""Estimate the noise ceilings of one subject on images that the analysis does not use."""

from menagerie.brain.ceilings import defined_ceilings, write_ceilings
from menagerie.brain.readers import reader_module
from menagerie.provenance.jobs import job
from menagerie.provenance.lineage import record

with job(snakemake) as recipe:
    who = snakemake.wildcards.dataset, snakemake.wildcards.subject
    inputs = {name: path for name, path in snakemake.input.items() if name != "recipe"}
    dataset = snakemake.params.dataset
    target = reader_module(dataset["reader"]).read_ceiling_target(*who, options=dataset["options"], inputs=inputs)
    ceilings, reasons = defined_ceilings(target.repeats, target.regions)
    for region, reason in reasons.items():
        print(f"no ceiling for {region}: {reason}")
    more = {"source": {who[0]: {who[1]: dict(target.provenance)}}, "no_ceiling": reasons}
    write_ceilings(snakemake.output.ceilings, *who, ceilings, record(snakemake, recipe, **more))
