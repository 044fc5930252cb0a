"""Names of a twin's images, in the forms that the dataset's own have."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from menagerie.brain.laion.layout import OOD_TYPES, PERSONS

_CONCEPTS = ("anchor", "spring_roll", "turtle", "teapot", "violin")
_WITH_ALPHA = ("cropped", "shape")  # kinds whose files are PNG with transparency


def shared_labels(n_laion: int, n_things: int, n_nsd: int, n_ood: int) -> list[str]:
    """Images that all see, sorted: LAION and THINGS+ twelve times, NSD and out of distribution four times."""
    laion = [f"shared_12rep_LAION_cluster_{10 * i + 7}_i{i % 5}.jpg" for i in range(n_laion)]
    things = [f"shared_12rep_THINGS+_kmeans_{i}_{_CONCEPTS[i % len(_CONCEPTS)]}.jpg" for i in range(n_things)]
    nsd = [f"shared_4rep_NSD_special1000_{i}.jpg" for i in range(n_nsd)]
    kinds = [(OOD_TYPES[i % len(OOD_TYPES)], i) for i in range(n_ood)]
    ood = [f"shared_4rep_OOD_{kind}_{i:03d}.{'png' if kind in _WITH_ALPHA else 'jpg'}" for kind, i in kinds]
    return sorted([*laion, *things, *nsd, *ood])


def unique_labels(subject: str, count: int) -> list[str]:
    """Images that one subject alone sees, four times each, sorted."""
    person = {name: number for number, name in PERSONS.items()}[subject]
    sources = ("LAION_new_cluster_{}_i1", "THINGS_anchor_{:02d}b", "THINGS+_violin_{:02d}s")
    return sorted(f"unique_{sources[0 if i % 4 else 1 + i // 4 % 2].format(i)}_{person}.jpg" for i in range(count))


def pool_splits(labels: Iterable[str], ood: Iterable[str], rng: np.random.Generator) -> dict[str, dict]:
    """Split files of one pool: name -> content, with the keys that the dataset's own have.

    tau and the clusters are drawn at random here (the dataset's rest on embeddings of its images); clusters have uneven
    sizes. The random folds are made as the dataset makes them since spring 2026.
    """
    pool, ood = sorted(labels), sorted(ood)
    shuffled = list(rng.permutation(pool))
    splits = {"tau": _split("tau", pool, shuffled[: len(pool) // 5], {"method": "min_nn_filter + stochastic_mmd_swap"})}
    sizes = np.array([0.26, 0.22, 0.2, 0.18, 0.14])
    ends = np.round(np.cumsum(sizes) * len(pool)).astype(int)
    mixed = list(rng.permutation(pool))
    for fold, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        params = {"method": "kmeans_clip_k5_holdout", "held_out_cluster": fold}
        splits[f"cluster_k5_{fold}"] = _split(f"cluster_k5_{fold}", pool, mixed[start:end], params)
    for fold, test in enumerate(random_folds(pool)):
        params = {"method": "shuffled_5fold_cv", "k": 5, "seed": 42, "fold": fold}
        splits[f"random_{fold}"] = _split(f"random_{fold}", pool, test, params)
    if ood:
        held_out = _split("ood", pool, [], {"method": "ood_dataset_holdout", "ood_types": list(OOD_TYPES)}, ood)
        splits["ood"] = held_out
    return splits


def random_folds(labels: Iterable[str]) -> list[list[str]]:
    """Test parts of the dataset's random folds since spring 2026: sorted labels, shuffled with seed 42, cut in five."""
    order = sorted(labels)
    np.random.default_rng(42).shuffle(order)
    return [sorted(map(str, part)) for part in np.array_split(np.array(order, dtype=object), 5)]


def _split(name: str, pool: list[str], test: Iterable[str], params: dict, also: Iterable[str] = ()) -> dict:
    held_out = set(map(str, test))
    train = [label for label in pool if label not in held_out]
    tested = sorted([*held_out, *also])
    return {
        "name": name,
        "pool": "simulated",
        "splitter": "menagerie_twin",
        "params": params,
        "n_train": len(train),
        "n_test": len(tested),
        "variants": [{"variant_id": 0, "train_ids": train, "test_ids": tested}],
    }
