"""Statistics that the authors of the scores on LAION-fMRI published: every row, from their scores with our analyses."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy import stats

from menagerie.models.registry import read_registry
from menagerie.statistics.contrasts import join_metadata
from menagerie.statistics.effects import fit_effects
from menagerie.statistics.score_tables import read_scores

ROOT = Path(__file__).parents[3]
FOLDER = ROOT.parent / "shared" / "published_laion"
FACTORS = {
    "architecture": "compare_architecture",
    "contrastive_self_supervised": "compare_goal_contrastive",
    "imagenet_size": "compare_diet_imagenetsize",
    "language_alignment": "compare_goal_slip",
    "objects_faces_places": "compare_diet_ipcl",
    "taskonomy_tasks": "compare_goal_taskonomy_tasks",
}
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the published scores on LAION-fMRI are not at {FOLDER}")


@pytest.fixture(scope="module")
def joined():
    entry = yaml.safe_load((ROOT / "config" / "published_laion.yaml").read_text())["scores"]["laion"]
    tables = [{"file": str(FOLDER / "splithalf_results" / "model_metric_subject_scores.csv")}]
    known = [spec.as_row() for spec in read_registry(ROOT / "config" / "models.tsv").values()]
    left = {key: value for key, value in entry.items() if key != "ceilings"}
    scores, models, _ = read_scores("laion", left | {"tables": tables, "unknown_models": "stop"}, known)
    return join_metadata(scores.to_pandas(), pd.DataFrame(models))


@pytest.fixture(scope="module")
def published():
    return pd.read_csv(FOLDER / "splithalf_results" / "statistical_tests.csv")


def effects(joined, rows):
    """Our effects under the stated formula, on the levels of the published rows."""
    factor, reference = FACTORS[rows["comparison_id"].iloc[0]], rows["reference"].iloc[0]
    data = joined[joined["metric"] == {"wrsa": "versa"}.get(rows["eval_type"].iloc[0], rows["eval_type"].iloc[0])]
    levels = [reference, *sorted(rows["level"])]
    data = data[data[factor].isin(levels)].assign(**{factor: lambda d: pd.Categorical(d[factor], levels)})
    group = rows["random_group_col"].iloc[0]
    mixed = isinstance(group, str)
    formula = f"score ~ {factor} + subject" + (f" + (1 | {group})" if mixed else "")
    assert len(data) == rows["n_obs"].iloc[0]
    found = fit_effects(data, formula, kind="lmm" if mixed else "lm").set_index("term")
    return found.loc[[f"{factor}[T.{level}]" for level in rows["level"]]]


def test_every_published_row_is_reproduced(joined, published):
    """64 rows. Their mixed models take the normal distribution, ours Student's t; estimates and errors are the same."""
    n = 0
    for _, rows in published.groupby(["comparison_id", "eval_type"]):
        ours = effects(joined, rows)
        assert ours["estimate"].to_numpy() == pytest.approx(rows["beta"].to_numpy(), abs=1e-12)
        error = (ours["ci_high"] - ours["ci_low"]) / 2 / stats.t(ours["df"]).ppf(0.975)
        assert error.to_numpy() == pytest.approx(rows["se"].to_numpy(), rel=1e-4)
        t = ours["estimate"] / error
        p = 2 * stats.norm.sf(t.abs()) if (rows["statistic_name"] == "z").all() else ours["p"].to_numpy()
        assert p == pytest.approx(rows["p_value"].to_numpy(), rel=1e-4)
        n += len(rows)
    assert n == len(published) == 64


def test_networks_that_are_neither_are_why_architecture_has_fewer_rows_than_the_table(joined):
    """290 scores have a class of architecture; 15 are of three MLP-Mixers, which are neither level."""
    crsa = joined[(joined["metric"] == "crsa") & joined["compare_architecture"].notna()]
    assert len(crsa) == 290
    assert (crsa["compare_architecture"] == "MLP-Mixer").sum() == 15
