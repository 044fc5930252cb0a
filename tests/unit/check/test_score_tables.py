"""Score tables of others: what `make check` says of them."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from menagerie.survey.check.__main__ import main
from menagerie.survey.check.line import FAILURE, OK, WARNING
from menagerie.survey.check.score_tables import score_tables
from menagerie.survey.contents import Survey

ROWS = [(s, m, "OTC", "crsa", 0.1) for s in ("s1", "s2") for m in ("net", "other")]
COLUMNS = ["subject", "model", "region", "metric", "score"]


@pytest.fixture
def config(tmp_path, root):
    (tmp_path / "models.tsv").write_text(
        "id\tprovider\tbuilder\tweights\ttraining\nnet\ttimm\tresnet18\trandom\trandom\n"
    )
    pd.DataFrame(ROWS, columns=COLUMNS).to_csv(tmp_path / "scores.csv", index=False)
    return {
        "run": "r",
        "results": str(tmp_path / "results"),
        "registry": str(tmp_path / "models.tsv"),
        "experiments_file": str(root / "config" / "experiments.yaml"),
        "scores": {
            "theirs": {
                "tables": [{"file": str(tmp_path / "scores.csv")}],
                "columns": {name: name for name in COLUMNS},
                "models": "id",
                "unknown_models": "leave_out",
            }
        },
    }


def test_what_a_table_holds(config, tmp_path):
    (line,) = score_tables(Survey.from_config(config))
    assert line.status == WARNING and line.what == "theirs"
    assert line.found.startswith("2 scores of 1 models: 2 subjects, 1 region, 1 metric, 1 split; 1 names")
    pd.DataFrame([row for row in ROWS if row[1] == "net"], columns=COLUMNS).to_csv(tmp_path / "scores.csv", index=False)
    (line,) = score_tables(Survey.from_config(config))
    assert line.status == OK


def test_a_table_that_does_not_fit_is_a_failure_before_any_job(config, tmp_path, capsys):
    pd.DataFrame([*ROWS, ("s3", "net", "OTC", "cosine", 0.2)], columns=COLUMNS).to_csv(
        tmp_path / "scores.csv", index=False
    )
    (line,) = score_tables(Survey.from_config(config))
    assert line.status == FAILURE and "cosine" in line.found
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    assert main([str(path)]) == 1 and "cosine" in capsys.readouterr().out
