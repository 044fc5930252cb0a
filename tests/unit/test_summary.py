"""What is said when a run is done."""

import numpy as np

from menagerie.brain.target import Target, write_target
from menagerie.files.layer_counts import LayerCount
from menagerie.survey.summary import closing_note

BOARD = "dataset,region,metric,model,score\n" + "".join(f"d,IT,crsa,m{n},{0.5 - n / 10}\n" for n in range(4))


def test_a_whole_run(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "leaderboard.csv").write_text(BOARD)
    (tmp_path / "report.html").touch()
    note = closing_note(tmp_path)
    assert "d / IT / crsa: m0 0.500, m1 0.400, m2 0.300\n" in note and "m3" not in note
    assert f"Report: {tmp_path}/report.html\nTables: {tmp_path}/tables/\n" in note


def test_a_run_of_some_jobs_promises_no_report(tmp_path):
    assert closing_note(tmp_path) == f"\nResults: {tmp_path}/ (no report yet)\n"


def test_regions_that_differ_in_case_between_subjects_are_told(tmp_path):
    ids = np.array([f"i{k}" for k in range(8)], dtype=object)
    for subject, region in (("anna", "V1"), ("ben", "v1")):
        target = Target("d", subject, "s", ids, rsms={region: np.eye(8), "IT": np.eye(8)})
        write_target(tmp_path / "targets" / "d" / f"{subject}.h5", target)
    note = closing_note(tmp_path)
    assert "Dataset d: region names differ in case only: 'V1' (anna), 'v1' (ben)" in note and "IT" not in note


def test_layers_that_are_none_and_patterns_without_a_layer(tmp_path):
    counts = [
        LayerCount("a", 10, 4, {"random": 3, "same values as an earlier one": 20}, ("head",)),
        LayerCount("b", 5, 0, {"random": 1}, ("head", "stem")),
    ]
    lines = closing_note(tmp_path, layers=counts).splitlines()
    assert "Layers: 4 of 15 selected. Tensors that are none: 20 same values as an earlier one; 4 random." in lines
    assert "Pattern 'head': no layer of a, b." in lines and "Pattern 'stem': no layer of b." in lines
    assert "Without a selected layer, and so without scores: b." in lines


def test_many_models_are_counted(tmp_path):
    note = closing_note(tmp_path, layers=[LayerCount(f"m{n}", 5, 0, {}, ("head",)) for n in range(9)])
    assert "Pattern 'head': no layer of m0, m1, m2, m3 and 5 more.\n" in note
