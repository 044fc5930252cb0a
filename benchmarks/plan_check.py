"""The plan held against a finished run: calibrated on half of its networks, compared on the other half.

    python benchmarks/plan_check.py <config>      (in the folder of the run)

Prints seconds of core time by network: planned, measured, and their ratio.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import yaml

from menagerie.survey.contents import Survey
from menagerie.survey.plan import calibrate, finished_times, plan_model, read_network, sizes_of


def main() -> None:
    survey = Survey.from_config(yaml.safe_load(Path(sys.argv[1]).read_text()))
    sizes = sizes_of(survey)
    networks = {model: network for model in survey.models if (network := read_network(survey, model))}
    known = dict(list(networks.items())[::2])
    factors = calibrate(survey, known, sizes)
    print("calibration:", ", ".join(f"{rule} x {factor:.2f}" for rule, factor in sorted(factors.items())))
    measured: dict[str, float] = defaultdict(float)
    for _, model, _, _, seconds in finished_times(survey):
        measured[model] += seconds
    print("model\tcalibrated on\tplanned s\tmeasured s\tratio")
    sums = [0.0, 0.0]
    for model, network in networks.items():
        estimates = plan_model(survey, network, sizes, factors).values()
        planned = sum(estimate.core_seconds for estimate in estimates)
        print(f"{model}\t{model in known}\t{planned:.0f}\t{measured[model]:.0f}\t{planned / measured[model]:.2f}")
        if model not in known:
            sums = [sums[0] + planned, sums[1] + measured[model]]
    print(f"others in all\t\t{sums[0]:.0f}\t{sums[1]:.0f}\t{sums[0] / sums[1]:.2f}")


if __name__ == "__main__":
    main()
