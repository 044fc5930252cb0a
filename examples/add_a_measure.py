"""Try a measure on arrays. As a file beside the others, a run scores it too (docs/add-a-metric.md)."""

import numpy as np

from menagerie.arrays import target_from
from menagerie.features.from_features import geometry_from_features
from menagerie.linking.arrays import host
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.measures import Measure, measure
from menagerie.linking.rsm import upper


def score(pair: Comparison, region: str, part: str) -> tuple[float, int]:
    """Share of pairs of image pairs that layer and region order alike, of 2,000 drawn ones."""
    layer, brain = (host(upper(rsm)) for rsm in (pair.layer_rsm(part), pair.brain.rsm(region, part)))
    first, second = np.random.default_rng(0).integers(0, len(layer), (2, 2000))
    alike = np.sign(layer[first] - layer[second]) == np.sign(brain[first] - brain[second])
    return float(alike.mean()), pair.brain.target.n_units(region)


MEASURE = Measure(score)

rng = np.random.default_rng(0)
features = rng.standard_normal((80, 100))
responses = features @ rng.standard_normal((100, 20)) + 5 * rng.standard_normal((80, 20))
pair = Comparison(geometry_from_features(features), Brain(target_from(responses)))
print(f"order of pairs: {MEASURE.score(pair, 'all', 'test')[0]:.2f}")
print(f"rank RSA:       {measure('rsa_spearman').score(pair, 'all', 'test')[0]:.2f}")
