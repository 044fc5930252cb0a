"""Models that may be the best: simultaneous, paired, per person and over persons."""

import numpy as np
import pyarrow as pa

from menagerie.linking.schemas import SCHEMAS
from menagerie.statistics.ties import add_ties, may_be_best

KEYS = {"dataset": "d", "region": "r", "metric": "crsa", "split": "even_odd", "selected_on": "train"}


def draws(means, shared=0.05, own=0.01, r=1000, seed=0):
    """Scores and resamples of models whose errors are mostly shared, as those over the same images are."""
    generator = np.random.default_rng(seed)
    error = shared * generator.standard_normal(r + 1) + own * generator.standard_normal((len(means), r + 1))
    scores = np.asarray(means) + error[:, 0]
    return scores, scores[:, None] + error[:, 1:]


def test_the_set_holds_the_best_model_as_often_as_it_says():
    hits = {gap: [] for gap in (0.0, 0.01, 0.02)}
    for gap, found in hits.items():
        for seed in range(400):
            scores, drawn = draws([0.5, *[0.5 - gap] * 9], seed=[seed, int(100 * gap)], r=300)
            found.append(may_be_best(scores, drawn)[0])
        assert np.mean(found) > 0.93
    assert 0.93 < np.mean(hits[0.0]) < 0.98  # all equal: the level is used up


def test_shared_errors_do_not_hide_a_difference():
    scores, drawn = draws([0.5, 0.4, 0.3])
    assert may_be_best(scores, drawn).tolist() == [True, False, False]  # intervals of .1 to either side overlap


def test_a_model_that_is_the_same_ties_and_a_worse_one_with_the_same_errors_does_not():
    scores, drawn = draws([0.5, 0.4])
    scores, drawn = np.append(scores, [scores[0], scores[0] - 0.1]), np.vstack([drawn, drawn[0], drawn[0] - 0.1])
    assert may_be_best(scores, drawn).tolist() == [True, False, True, False]


def table_of(scores):
    rows = [
        KEYS | {"subject": s, "model": m, "score": score, "status": "ok"}
        for s, of in scores.items()
        for m, score in of.items()
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["model_scores"])


def resamples_of(scores, noise=0.01):
    generator = np.random.default_rng(1)
    rows = [
        KEYS | {"subject": s, "model": m, "score": v, "drawn": v + noise * generator.standard_normal(200)}
        for s, of in scores.items()
        for m, v in of.items()
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["resamples"])


def test_ties_are_told_per_person_and_by_the_mean_over_persons():
    scores = {"s1": {"a": 0.50, "b": 0.499, "c": 0.3}, "s2": {"a": 0.40, "b": 0.30, "c": 0.401}}
    found = add_ties(table_of(scores), resamples_of(scores)).to_pylist()
    assert [row["ties_with_best"] for row in found] == [True, True, False, True, False, True]
    assert [row["ties_with_best_overall"] for row in found] == [True, False, False] * 2


def test_a_model_without_a_score_in_one_person_has_no_place_overall_and_none_without_resamples():
    scores = {"s1": {"a": 0.5, "b": 0.4}, "s2": {"a": 0.5}}
    found = add_ties(table_of(scores), resamples_of(scores)).to_pylist()
    assert [row["ties_with_best_overall"] for row in found] == [True, None, True]
    empty = add_ties(table_of(scores), SCHEMAS["resamples"].empty_table()).to_pylist()
    assert {row["ties_with_best"] for row in empty} == {None}
