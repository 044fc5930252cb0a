"""Write the brain target of one subject."""

from dataclasses import replace

from menagerie.brain.ceilings import read_medians
from menagerie.brain.readers import reader_module
from menagerie.brain.stimuli import Stimuli
from menagerie.brain.target import write_target
from menagerie.provenance.jobs import job

with job(snakemake.log[0]):
    dataset = snakemake.params.dataset
    inputs = dict(snakemake.input.items())
    stimuli = Stimuli(inputs.pop("stimuli"))
    ceilings = inputs.pop("ceilings", None)
    target = reader_module(dataset["reader"]).read_target(
        snakemake.wildcards.dataset,
        snakemake.wildcards.subject,
        options=dataset["options"],
        inputs=inputs,
        stimuli=stimuli,
    )
    if ceilings:
        target = replace(target, ceilings=read_medians(ceilings))
    write_target(snakemake.output.target, target)
