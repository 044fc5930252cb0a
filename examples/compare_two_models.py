"""Is one model better than another in this subject? The difference of two scores, with the interval that it has.

Both are reported on the same images with the same draws of them, so that draws can be subtracted one by one.
"""

import numpy as np

from menagerie.arrays import report_arrays
from menagerie.linking.bootstrap import interval, p_drawn

rng = np.random.default_rng(0)
brain = rng.standard_normal((120, 40))
models = {
    "near": brain @ rng.standard_normal((40, 200)) + 2 * rng.standard_normal((120, 200)),
    "far": brain @ rng.standard_normal((40, 200)) + 9 * rng.standard_normal((120, 200)),
}

drawn, scores = {}, {}
for name, features in models.items():
    found = report_arrays(features, brain, model=name, metrics=["crsa", "cka"], n_resamples=500, n_permutations=200)
    for row in found.resamples.to_pylist():
        drawn[name, row["metric"]], scores[name, row["metric"]] = np.array(row["drawn"]), row["score"]

for metric in ("crsa", "cka"):
    differences = drawn["near", metric] - drawn["far", metric]
    low, high = interval(differences)
    found = scores["near", metric] - scores["far", metric]
    print(f"{metric}: near - far = {found:.2f} [{low:.2f}, {high:.2f}], p = {p_drawn(differences):.3f}")
