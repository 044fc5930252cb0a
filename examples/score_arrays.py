"""Score the features of a layer against responses of a brain: arrays in, table out."""

import numpy as np

from menagerie.arrays import score_arrays

rng = np.random.default_rng(0)
features = rng.standard_normal((100, 300))  # images x features: yours, np.load("features.npy")
responses = features @ rng.standard_normal((300, 40)) + 10 * rng.standard_normal((100, 40))  # images x units

table = score_arrays(features, responses, metrics=["crsa", "versa", "encoding_r", "cka"]).to_pandas()
print(table[table["part"] == "test"][["metric", "score", "n_images", "n_units", "status"]].to_string(index=False))
