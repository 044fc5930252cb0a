"""The examples run, and say what they promise; that of a finished run is in tests/workflow/test_examples.py."""

import re
import runpy

import pytest

SAYS = {
    "score_arrays": ["crsa", "versa", "encoding_r", "cka"],
    "own_network": ["block", "ci_low"],
    "compare_two_models": ["crsa: near - far =", "cka: near - far ="],
    "add_a_measure": ["order of pairs: 0.", "rank RSA:"],
}


@pytest.mark.parametrize("name", SAYS)
def test_example(name, root, capsys):
    found = runpy.run_path(str(root / "examples" / f"{name}.py"))
    said = capsys.readouterr().out
    assert all(text in said for text in SAYS[name]) and "nan" not in said
    if name == "compare_two_models":
        assert found["low"] > 0, "the nearer model is better, and the interval says so"
    if name == "own_network":
        assert set(found["best"]["status"]) == {"ok"}


def test_five_lines_of_the_page(root, capsys):
    (block,) = re.findall(
        r"^```python\n(.*?)^```$", (root / "docs/from-python.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert len([line for line in block.splitlines() if line]) <= 5 and max(map(len, block.splitlines())) <= 110
    exec(block, {})
    assert "cka" in capsys.readouterr().out


def test_every_example_is_run(root):
    assert {path.stem for path in (root / "examples").glob("*.py")} == {*SAYS, "open_a_run"}
