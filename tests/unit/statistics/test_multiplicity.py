"""p corrected within families; expected values are R's p.adjust."""

import pyarrow as pa
import pytest

from menagerie.linking.schemas import SCHEMAS
from menagerie.statistics.multiplicity import add_corrected

P = [0.01, 0.02, 0.03, 0.04, 0.05]


def table_of(*families):
    rows = [
        {
            "dataset": "d",
            "subject": subject,
            "region": "r",
            "metric": "crsa",
            "split": "even_odd",
            "selected_on": "train",
        }
        | {"model": f"m{number}", "p": p, "status": "ok"}
        for subject, values in families
        for number, p in enumerate(values)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["model_scores"])


def test_corrections_are_those_of_r():
    table = add_corrected(table_of(("s1", P)))
    assert table["p_holm"].to_pylist() == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert table["p_fdr"].to_pylist() == pytest.approx([0.05] * 5)


def test_each_person_is_a_family_and_rows_without_p_do_not_count():
    table = add_corrected(table_of(("s1", [0.04, None]), ("s2", [0.01, 0.04])))
    assert table["p_holm"].to_pylist() == [pytest.approx(0.04), None, pytest.approx(0.02), pytest.approx(0.04)]
    assert table["p_fdr"].to_pylist() == [pytest.approx(0.04), None, pytest.approx(0.02), pytest.approx(0.04)]


def test_a_table_without_any_p_stays_empty():
    assert add_corrected(table_of(("s1", [None, None])))["p_holm"].to_pylist() == [None, None]
