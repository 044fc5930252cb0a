"""Score every block of a network of your own, and report the best with its interval."""

import numpy as np
import torch

from menagerie.arrays import report_arrays

torch.manual_seed(0)
network = torch.nn.Sequential(
    torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5, stride=2), torch.nn.ReLU()),
    torch.nn.Sequential(torch.nn.Conv2d(8, 16, 5, stride=2), torch.nn.ReLU()),
    torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(64), torch.nn.ReLU()),
).eval()  # yours, with its weights
images = torch.rand(80, 3, 32, 32)  # preprocessed as the network was trained

features, values = {}, images
with torch.no_grad():
    for number, block in enumerate(network):
        values = block(values)
        features[f"block {number}"] = values.numpy()

rng = np.random.default_rng(0)
seen = features["block 1"].reshape(len(images), -1)
responses = seen @ rng.standard_normal((seen.shape[1], 30)) / 10 + 0.3 * rng.standard_normal((len(images), 30))

best = report_arrays(features, responses, n_resamples=500, n_permutations=200).models.to_pandas()
print(best[["metric", "layer", "score", "ci_low", "ci_high", "p"]].round(3).to_string(index=False))
