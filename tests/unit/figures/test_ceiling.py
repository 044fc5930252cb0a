import numpy as np
import pandas as pd
import pytest

from menagerie.figures.ceiling import Ceiling, score_limits, shares
from menagerie.figures.experiment_table import known_ceiling


def rows(**ceilings):
    return pd.DataFrame({"subject": list(ceilings), "noise_ceiling": list(ceilings.values())})


def test_the_ceiling_spans_the_subjects_and_every_subject_counts_once():
    found = known_ceiling(pd.concat([rows(A=0.7, B=0.9), rows(A=0.7)]))
    assert found == Ceiling(0.7, pytest.approx(0.8), 0.9)


def test_means_over_subjects_count_where_there_are_no_others():
    assert known_ceiling(rows(A=0.7, B=0.9, mean=np.nan)) == Ceiling(0.7, pytest.approx(0.8), 0.9)
    assert known_ceiling(rows(mean=0.8)) == Ceiling(0.8, 0.8, 0.8)


def test_a_subject_without_a_ceiling_or_metrics_that_disagree_leave_it_unknown():
    assert known_ceiling(rows(A=0.7, B=np.nan)) is None
    assert known_ceiling(pd.concat([rows(A=0.7), rows(A=0.6)])) is None
    assert known_ceiling(rows(A=0.7).drop(columns="noise_ceiling")) is None
    assert known_ceiling(rows(A=0.7).iloc[:0]) is None


def test_limits_hold_zero_the_scores_and_the_ceiling():
    low, high = score_limits(0.2, 0.5, Ceiling(0.7, 0.8, 0.9))
    assert low < 0 and high > 0.9
    assert score_limits(-0.3, 0.5, None)[0] < -0.3


def test_shares_of_explainable_variance_and_back():
    there, back = shares(0.8)
    scores = np.array([-0.2, 0.0, 0.4, 0.8])
    np.testing.assert_allclose(there(scores), [-0.0625, 0, 0.25, 1])
    np.testing.assert_allclose(back(there(scores)), scores)
