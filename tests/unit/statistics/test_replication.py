"""Findings of one dataset, looked for in others: the rule, and the table on planted effects."""

import math

import numpy as np
import pandas as pd
import pytest

from menagerie.errors import MenagerieError
from menagerie.statistics.experiments import Analysis, Experiment
from menagerie.statistics.replication import Comparison, replication_table
from menagerie.statistics.verdicts import (
    ABSENT,
    OPPOSES,
    REPLICATES,
    RULE,
    UNDECIDED,
    VERDICTS,
    Found,
    order_outcome,
    outcome,
    verdict,
)

GROUPS = Experiment(
    "kind",
    "One kind against another",
    "family",
    "a",
    (Analysis("published", formula="score ~ family + subject", unit="score"),),
    {},
    constant=(),
)
LEVELS = Experiment("task", "Tasks", "task", "t0", (Analysis("sound", pair="subject", unit="score"),), {}, constant=())
SAME, MORE = Found(0.1, 0.05, 0.15, 0.001), Found(0.1, 0.02, 0.2, 0.01)


@pytest.mark.parametrize(
    ("person", "original", "said"),
    [
        (MORE, SAME, REPLICATES),
        (Found(-0.1, -0.2, -0.02, 0.01), SAME, OPPOSES),
        (Found(0.01, -0.02, 0.04, 0.5), SAME, ABSENT),  # short of half of .1
        (Found(0.01, -0.04, 0.06, 0.5), SAME, UNDECIDED),
        (Found(-0.01, -0.04, 0.02, 0.5), Found(-0.1, -0.2, -0.05, 0.001), ABSENT),
        (Found(0.1), SAME, UNDECIDED),  # no test
        (MORE, Found(0.1), UNDECIDED),
        (Found(0.01, -0.02, 0.04, 0.5), Found(0.0, -0.1, 0.1, 0.9), REPLICATES),  # within the margin
        (Found(0.01, -0.06, 0.08, 0.5), Found(0.0, -0.1, 0.1, 0.9), UNDECIDED),
        (Found(0.1, 0.02, 0.2, 0.01), Found(0.0, -0.1, 0.1, 0.9), OPPOSES),
        (Found(0.02, 0.01, 0.03, 0.01), Found(0.0, -0.1, 0.1, 0.9), REPLICATES),  # told from zero, and too small
        (Found(0.04, 0.02, 0.06, 0.01), Found(0.0, -0.1, 0.1, 0.9), UNDECIDED),
        # At the edges: p of .05, ends at half the original's, and at the margin.
        (Found(0.1, 0.0, 0.2, 0.05), SAME, UNDECIDED),
        (Found(0.01, -0.02, 0.05, 0.5), SAME, UNDECIDED),
        (Found(-0.01, -0.05, 0.02, 0.5), Found(-0.1, -0.2, -0.05, 0.001), UNDECIDED),
        (Found(0.0, -0.05, 0.05, 1.0), Found(0.0, -0.1, 0.1, 0.05), REPLICATES),
        (Found(0.05, 0.02, 0.08, 0.01), Found(0.0, -0.1, 0.1, 0.9), UNDECIDED),
    ],
)
def test_what_a_person_says(person, original, said):
    assert outcome(person, original, margin=0.05) == said


def test_what_an_order_says():
    assert order_outcome(Found(0.8, 0.5, 0.9, 0.01), 0.99, 0.9) == REPLICATES
    assert order_outcome(Found(-0.8, -0.9, -0.5, 0.99), 0.01, 0.9) == OPPOSES
    assert order_outcome(Found(0.1, -0.3, 0.4, 0.3), 0.7, 0.9) == ABSENT
    assert order_outcome(Found(0.1, -0.3, 0.5, 0.3), 0.7, 0.9) == UNDECIDED
    assert order_outcome(Found(0.1, -0.3, 0.4, 0.3), 0.7, math.nan) == UNDECIDED
    assert order_outcome(Found(0.8, 0.5, 0.9, 0.05), 0.95, 0.9) == UNDECIDED
    assert order_outcome(Found(-0.1, -0.9, 0.5, 0.95), 0.05, 0.9) == UNDECIDED


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([REPLICATES] * 5, "fully"),
        ([REPLICATES] * 3 + [UNDECIDED, ABSENT], "mostly"),
        ([REPLICATES] * 4 + [OPPOSES], "partially"),
        ([REPLICATES] + [UNDECIDED] * 4, "partially"),
        ([REPLICATES, UNDECIDED], "partially"),
        ([REPLICATES, OPPOSES], "partially"),
        ([REPLICATES] + [OPPOSES] * 2, "mostly not"),
        ([OPPOSES, UNDECIDED], "mostly not"),
        ([ABSENT, ABSENT, UNDECIDED], "mostly not"),
        ([ABSENT, UNDECIDED], "mostly not"),
        ([ABSENT, UNDECIDED, UNDECIDED], "unclear"),
        ([ABSENT] * 3, "not at all"),
        ([OPPOSES, ABSENT], "not at all"),
        ([], "unclear"),
    ],
)
def test_the_verdict_follows_the_stated_rule(outcomes, said):
    assert verdict(outcomes) == said


def test_every_verdict_is_explained():
    assert tuple(RULE) == VERDICTS


def scores(view, gap, *, n=12, noise=0.02, subjects=("p1", "p2"), seed=0, region="OTC", tasks=()):
    """Scores of n networks of each kind, and of one a task."""
    generator = np.random.default_rng(seed)
    networks = [(f"{kind}{i}", kind, None, gap * (kind == "b")) for kind in "ab" for i in range(n)]
    networks += [(f"task{i}", None, f"t{i}", value) for i, value in enumerate(tasks)]
    return pd.DataFrame(
        [
            {"dataset": view, "region": region, "metric": "crsa", "subject": subject, "model": model}
            | {"family": kind, "task": task, "score": 0.3 + value + noise * generator.standard_normal()}
            for subject in subjects
            for model, kind, task, value in networks
        ]
    )


def verdicts(table):
    rows = table[(table["role"] != "original") & table["verdict"].notna()]
    return {(r["finding"], r["dataset"]): r["verdict"] for _, r in rows.iterrows()}


def test_planted_effects_get_their_verdicts():
    tasks = np.linspace(0, 0.5, 8)
    joined = pd.concat(
        [
            scores("old", 0.1, tasks=tasks),
            scores("same", 0.1, tasks=tasks, seed=1),
            scores("none", 0.0, tasks=np.roll(tasks, 4), seed=2),
            scores("turned", -0.1, tasks=tasks[::-1], seed=3),
        ]
    )
    comparison = Comparison("old", ("same",), ("none", "turned"))
    table = replication_table(comparison, {"kind": GROUPS, "task": LEVELS}, joined, {})
    found = verdicts(table)
    assert found["kind", "same"] == "fully" and found["kind", "none"] == found["kind", "turned"] == "not at all"
    orders = table[(table["kind"] == "order") & (table["finding"] == "task")]
    assert verdicts(orders) == {
        ("task", "same"): "fully",
        ("task", "none"): "not at all",
        ("task", "turned"): "not at all",
    }
    said = orders.groupby("dataset")["outcome"].agg(set)
    assert said["turned"] == {OPPOSES} and said["same"] == {REPLICATES}
    assert set(found) >= {("ranking", view) for view in ("same", "none", "turned")}
    roles = table.drop_duplicates("dataset").set_index("dataset")["role"].to_dict()
    assert roles == {"old": "original", "same": "replication", "none": "generalisation", "turned": "generalisation"}


def test_datasets_are_compared_on_networks_that_both_have():
    """The original's other networks would turn the difference round."""
    old, new = scores("old", 0.1, n=6), scores("new", 0.1, n=6, seed=1)
    strays = scores("old", -0.5, n=30).assign(model=lambda d: d["model"] + "x")
    table = replication_table(Comparison("old", ("new",)), {"kind": GROUPS}, pd.concat([old, strays, new]), {})
    rows = table[(table["finding"] == "kind") & (table["kind"] == "difference")]
    stated = rows[(rows["role"] == "original") & (rows["analysis"] == "published")].set_index("networks")["estimate"]
    assert stated["all"] < 0 < stated["those of new"]
    assert rows.loc[rows["dataset"] == "new", "expected"].unique() == pytest.approx(stated["those of new"])
    assert verdicts(rows) == {("kind", "new"): "fully"}


def test_persons_are_judged_over_images_where_all_have_them():
    persons = tuple("pqrst")
    joined = pd.concat([scores("old", 0.1, n=1, subjects=persons), scores("new", 0.1, n=1, seed=1, noise=0.005)])
    draws = {
        ("new", row.subject, "OTC", "crsa", row.model): row.score + 0.01 * np.random.default_rng(5).standard_normal(200)
        for row in joined[joined["dataset"] == "new"].itertuples()
    }
    sound = Experiment(
        "kind", "Kind", "family", "a", (Analysis("sound", pair="subject", unit="score"),), {}, constant=()
    )
    for given, said in (({}, UNDECIDED), (draws, REPLICATES)):
        table = replication_table(Comparison("old", ("new",)), {"kind": sound}, joined, given)
        rows = table[(table["dataset"] == "new") & (table["finding"] == "kind")]
        judged = rows[rows["outcome"].notna()]
        assert list(judged["outcome"]) == [said, said]
        assert set(judged["sample"]) == ({"images"} if given else {"models"})


def test_an_experiment_that_a_dataset_lacks_is_unclear_and_says_why():
    joined = pd.concat([scores("old", 0.1), scores("new", 0.1)[lambda d: d["family"] == "a"]])
    table = replication_table(Comparison("old", ("new",)), {"kind": GROUPS}, joined, {})
    row = table[(table["dataset"] == "new") & (table["finding"] == "kind")].iloc[0]
    assert row["verdict"] == "unclear" and "left out" in row["note"]


def test_networks_without_one_of_the_metrics_do_not_confound_a_comparison_of_metrics():
    metric = Experiment(
        "metric", "veRSA", "metric", "crsa", (Analysis("sound", pair="model"),), {}, ("crsa", "versa"), ("family",)
    )
    both = [pd.concat([scores(view, 0.0), scores(view, 0.0, seed=7).assign(metric="versa")]) for view in ("old", "new")]
    joined = pd.concat(both)
    joined.loc[joined["metric"] == "versa", "score"] += 0.2
    joined = joined[~((joined["dataset"] == "new") & (joined["metric"] == "versa") & (joined["model"] == "a0"))]
    table = replication_table(Comparison("old", ("new",)), {"metric": metric}, joined, {})
    assert verdicts(table[table["finding"] == "metric"]) == {("metric", "new"): "fully"}
    without = joined[~((joined["dataset"] == "new") & (joined["model"] == "a0"))]
    alone = replication_table(Comparison("old", ("new",)), {"metric": metric}, without, {})
    told = [one[one["finding"] == "metric"].reset_index(drop=True) for one in (table, alone)]
    pd.testing.assert_frame_equal(*told)


def test_regions_must_have_one_name():
    joined = pd.concat([scores("old", 0.1), scores("new", 0.1, region="IT")])
    with pytest.raises(MenagerieError, match=r"no region of new \(IT\) in old \(OTC\)"):
        replication_table(Comparison("old", ("new",)), {"kind": GROUPS}, joined, {})
    with pytest.raises(MenagerieError, match="no score in other"):
        replication_table(Comparison("old", ("other",)), {"kind": GROUPS}, joined, {})
