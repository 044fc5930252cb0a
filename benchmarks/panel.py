"""The panel of measures: what it says of layers whose answer is known, what it costs, and how its intervals cover.

python benchmarks/panel.py values     # noise, an identical and a rotated layer
python benchmarks/panel.py cost       # seconds for a layer, over those of cRSA and veRSA
python benchmarks/panel.py intervals  # share of 95 % intervals that hold the mean score
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

from menagerie.brain.target import Target
from menagerie.files.geometry import LayerGeometry, fold
from menagerie.linking import score_layer
from menagerie.linking.comparison import Brain, Comparison
from menagerie.linking.measures import measure
from menagerie.linking.measures.table import PANEL, TABLE
from menagerie.linking.resampling import resampling
from menagerie.linking.score import brains_of

FITTED = ("crsa", "versa")


def layer_of(features: np.ndarray) -> LayerGeometry:
    train = features[::2]
    scaled = (features - train.mean(0)) / train.std(0)
    return LayerGeometry(
        layer="layer",
        index=0,
        n_features=features.shape[1],
        rdm_triu=fold(1 - np.corrcoef(features), with_diagonal=False),
        gram_triu=fold((scaled @ scaled.T).astype(np.float32), with_diagonal=True),
    )


def target_of(signal: np.ndarray, noise: float, rng: np.random.Generator, repeats: int = 3) -> Target:
    trials = signal + noise * rng.standard_normal((repeats, *signal.shape))
    return Target(
        dataset="toy",
        subject="s1",
        stimuli="toy",
        image_ids=np.array([f"image{i:04d}" for i in range(len(signal))], dtype=object),
        responses=trials.mean(axis=0).astype(np.float32),
        repeats=trials.astype(np.float32),
        n_repeats=np.full(len(signal), repeats),
        regions={"all": np.ones(signal.shape[1], dtype=bool)},
    )


def latent(rng: np.random.Generator, n: int, p: int, rank: int = 40) -> np.ndarray:
    """Features of falling variance over images, standardised."""
    found = (rng.standard_normal((n, rank)) * np.arange(1, rank + 1) ** -0.5) @ rng.standard_normal((rank, p))
    return (found - found.mean(0)) / found.std(0)


def values(given: argparse.Namespace) -> None:
    """Scores of the test images: mean over draws."""
    n, p, v = given.images, given.features, given.units
    cases = (
        "unrelated",
        "unrelated, pure noise in the region",
        "identical",
        "rotated",
        "linear map",
        "linear map, noise",
    )
    found: dict[tuple[str, str], list[float]] = {}
    for seed in range(given.repeats):
        rng = np.random.default_rng(seed)
        features = latent(rng, n, p)
        turn = np.linalg.qr(rng.standard_normal((p, p)))[0]
        mapped = features @ rng.standard_normal((p, v)) / np.sqrt(p)
        targets = {
            cases[0]: target_of(latent(rng, n, v), 0.5, rng),
            cases[1]: target_of(np.zeros((n, v)), 1.0, rng),
            cases[2]: target_of(features, 0.0, rng),
            cases[3]: target_of(features @ turn, 0.0, rng),
            cases[4]: target_of(mapped, 0.0, rng),
            cases[5]: target_of(mapped, 1.0, rng),
        }
        for case, target in targets.items():
            metrics = (*FITTED, "encoding_r", *PANEL)
            rows = score_layer(layer_of(features), target, model="m", depth=1.0, metrics=metrics).to_pylist()
            for row in rows:
                if row["part"] == "test":
                    found.setdefault((row["metric"], case), []).append(row["score"])
    print(f"{n // 2} test images, {p} features, {v} units, mean of {given.repeats} draws\n")
    print("| metric | " + " | ".join(cases) + " |\n| --- |" + " --- |" * len(cases))
    for metric in (*FITTED, "encoding_r", *PANEL):
        cells = [f"{np.mean(found[metric, case]):.2f}".replace("-0.00", "0.00") for case in cases]
        print(f"| `{metric}` | " + " | ".join(cells) + " |")


def cost(given: argparse.Namespace) -> None:
    """A layer, both parts, as scoring jobs run: what belongs to the subject is there already."""
    rng = np.random.default_rng(0)
    features = latent(rng, given.images, given.features)
    target = target_of(features @ rng.standard_normal((given.features, given.units)) / 30, 1.0, rng)
    brains = brains_of(target)

    def seconds(metrics: tuple[str, ...]) -> float:
        took = []
        for _ in range(given.repeats + 1):
            layer = layer_of(features[:, :64])
            start = time.perf_counter()
            score_layer(layer, brains, model="m", depth=1.0, metrics=metrics)
            took.append(time.perf_counter() - start)
        return float(np.median(took[1:]))  # the first makes what belongs to the subject

    base = seconds(FITTED)
    print(f"{given.images} images, {given.units} units; cRSA and veRSA together {base:.3f} s a layer\n")
    print("| metrics | ratio to cRSA + veRSA |\n| --- | --- |")
    for name, metrics in {**{metric: (metric,) for metric in PANEL}, "the whole panel": PANEL}.items():
        print(f"| {TABLE[name].label if name in TABLE else name} | {seconds(metrics) / base:.2f} |")


def intervals(given: argparse.Namespace) -> None:
    """Draws of images from many; the mean score of such draws is what an interval is to hold."""
    rng = np.random.default_rng(0)
    n = given.images
    features = latent(rng, 20 * n, 60)
    whole = target_of(features @ rng.standard_normal((60, 30)) / 8, 1.0, rng)
    print(f"{n // 2} test images, {given.repeats} draws\n")
    print("| metric | intervals that hold the mean score | width / that of 95 % of scores |\n| --- | --- | --- |")
    for metric in (*FITTED, *PANEL):
        found = []
        for _ in range(given.repeats):
            rows = np.sort(rng.choice(20 * n, n, replace=False))
            own = Target(
                dataset="toy",
                subject="s1",
                stimuli="toy",
                image_ids=whole.image_ids[rows],
                responses=whole.responses[rows],
                repeats=whole.repeats[:, rows],
                regions=whole.regions,
            )
            pair = Comparison(layer_of(features[rows]), Brain(own))
            counts = rng.multinomial(n // 2, np.full(n // 2, 2 / n), size=500).astype(float)
            drawn = resampling(metric).drawn(pair, "all", counts)
            found.append([*np.quantile(drawn, [0.025, 0.975]), measure(metric).score(pair, "all", "test")[0]])
        low, high, scores = np.array(found).T
        held = np.mean((low <= scores.mean()) & (scores.mean() <= high))
        print(f"| `{metric}` | {held:.0%} | {np.mean(high - low) / (3.92 * scores.std()):.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("values", "cost", "intervals"))
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--features", type=int, default=500)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    {"values": values, "cost": cost, "intervals": intervals}[given.what](given)


if __name__ == "__main__":
    main()
