"""What benchmarks/linking.py times: data, peers, growth curves and errors."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from menagerie.brain.target import Target
from menagerie.files.geometry import LayerGeometry, fold
from menagerie.linking import score_layer
from menagerie.linking.bootstrap import bootstrap_similarity, image_counts
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.ridge import PENALTIES, loo_ridge
from menagerie.linking.rsm import rsm, rsm_similarity

N_PENALTIES = len(PENALTIES)
SIZE = 2000
SGEMM_OPERATIONS = 2 * SIZE**3
OURS = "menagerie: one layer, all metrics, both halves"
NEXT = "menagerie: each further layer of a packed job"


def sgemm() -> Callable[[], object]:
    """One single-precision matrix product."""
    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal((SIZE, SIZE), dtype=np.float32) for _ in range(2))
    out = np.empty_like(a)
    return lambda: np.matmul(a, b, out=out)


def simulate(images: int, units: int, p: int, seed: int = 0) -> tuple[LayerGeometry, Target, np.ndarray]:
    """A layer with a power-law spectrum, responses that it explains in part, and its standardised features."""
    generator = np.random.default_rng(seed)
    raw = generator.standard_normal((images, p), dtype=np.float32) * np.arange(1, p + 1, dtype=np.float32) ** -0.6
    raw = raw @ generator.standard_normal((p, p), dtype=np.float32)
    features = (raw - raw[::2].mean(0)) / raw[::2].std(0)
    signal = features @ generator.standard_normal((p, units), dtype=np.float32)
    responses = signal / signal.std(0) + 2 * generator.standard_normal((images, units), dtype=np.float32)
    layer = LayerGeometry(
        "layer", 0, p, fold(rsm(raw), with_diagonal=False), fold(features @ features.T, with_diagonal=True)
    )
    ids = np.array([str(i) for i in range(images)], dtype=object)
    return layer, Target("d", "s", "d", ids, responses, {"all": np.ones(units, dtype=bool)}), features


def score(layer: LayerGeometry, target: Target | Brain) -> object:
    """One scoring job."""
    return score_layer(layer, target, model="m", depth=0.0)


def next_layer(layer: LayerGeometry, target: Target) -> Callable[[], object]:
    """Scoring when another layer met the subject before, as in a job that holds a block of layers."""
    brain = Brain(target)
    return lambda: score(layer, brain)


def peers(layer: LayerGeometry, target: Target, features: np.ndarray) -> dict[str, Callable[[], object]]:
    """Name -> work. Peers get the features of the training half, or their kernel, and predict the test half."""
    x, y, new = features[::2], target.responses[::2], features[1::2]
    kernel, crossed = x @ x.T, new @ x.T
    units = target.responses.shape[1]
    masks = {f"region {i}": (np.arange(units) * 16 // units) == i for i in range(16)}
    a, b = rsm(x).astype(np.float64), rsm(y).astype(np.float64)
    counts = image_counts(len(x))
    work = {
        OURS: lambda: score(layer, target),
        NEXT: next_layer(layer, target),
        "menagerie: the same in 16 regions": lambda: score(layer, replace(target, regions=masks)),
        "menagerie: ridge and test predictions only": lambda: loo_ridge(kernel, y).predict(crossed),
        "menagerie: ridge from features": lambda: loo_ridge(x @ x.T, y).predict(new @ x.T),
        "menagerie: RSM of responses": lambda: rsm(y),
        "menagerie: 1,000 bootstrap resamples": lambda: bootstrap_similarity(a, b, counts),
        "scikit-learn RidgeCV, from features": lambda: _ridge_cv(x, y, new),
        "numpy: corrcoef of responses": lambda: np.corrcoef(y),
    }
    if importlib.util.find_spec("himalaya"):
        work["himalaya KernelRidgeCV, 5 folds, from the kernel"] = lambda: _himalaya(kernel, y, crossed)
    if importlib.util.find_spec("rsatoolbox"):
        work |= _rsatoolbox(y, b)
    return work


def _ridge_cv(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import RidgeCV

    return RidgeCV(alphas=PENALTIES, alpha_per_target=True).fit(x, y).predict(new)


def _himalaya(kernel: np.ndarray, y: np.ndarray, crossed: np.ndarray) -> np.ndarray:
    from himalaya.kernel_ridge import KernelRidgeCV

    return KernelRidgeCV(alphas=PENALTIES, kernel="precomputed", cv=5).fit(kernel, y).predict(crossed)


def _rsatoolbox(y: np.ndarray, other: np.ndarray) -> dict[str, Callable[[], object]]:
    import rsatoolbox

    data = rsatoolbox.data.Dataset(y.astype(np.float64))
    rdm = rsatoolbox.rdm.calc_rdm(data, method="correlation")
    model = rsatoolbox.rdm.RDMs(1 - other[None])
    return {
        "rsatoolbox: RDM of responses": lambda: rsatoolbox.rdm.calc_rdm(data, method="correlation"),
        "rsatoolbox: one comparison of RDMs": lambda: rsatoolbox.rdm.compare(rdm, model, method="corr"),
        "menagerie: one comparison of RSMs": lambda: rsm_similarity(other, other),
    }


def growth(images: int, units: int, largest: int) -> dict[str, dict]:
    """CPU seconds from 1/16 of the size upwards in units and in images, and the exponent of a power law."""
    factors = [factor for factor in (1, 2, 4, 8, 16) if factor <= largest]
    curves = {
        "units": [(images, units * f // 4) for f in factors],
        "images": [(images * f // 8, units) for f in factors],
    }
    result = {}
    for name, sizes in curves.items():
        points = []
        for n, v in sizes:
            layer, target, _ = simulate(n, v, 600)
            score(layer, target)
            start = time.process_time()
            score(layer, target)
            points.append((v if name == "units" else n, time.process_time() - start))
        slope = np.polyfit(*np.log(np.array(points)).T, 1)[0]
        result[name] = {"cpu_s": points, "slope": float(slope)}
    return result


def errors() -> dict[str, float]:
    """Largest absolute differences of the float32 path from the same definitions in float64."""
    layer, target, _ = simulate(400, 300, 2000)
    wide = replace(target, responses=target.responses.astype(np.float64))
    single, double = (Comparison(layer, Brain(which)) for which in (target, wide))
    rows = [score(layer, which).column("score").to_numpy() for which in (target, wide)]
    return {
        "scores": float(np.abs(rows[0] - rows[1]).max()),
        "LOO predictions": float(np.abs(single.predicted["train"] - double.predicted["train"]).max()),
        "test predictions": float(np.abs(single.predicted["test"] - double.predicted["test"]).max()),
        "units with another penalty": float(np.mean(single.ridge.choice != double.ridge.choice)),
    }
