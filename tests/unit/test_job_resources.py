"""Every rule asks for more memory and time with each attempt, as profiles/slurm/config.yaml says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "workflow" / "rules"
TEXT = {path.name: path.read_text() for path in sorted(RULES.glob("*.smk"))}
BLOCKS = {
    name: block
    for text in TEXT.values()
    for name, block in re.findall(r"^(?:rule|checkpoint) (\w+):\n((?:(?: {4}.*)?\n)+)", text, flags=re.MULTILINE)
}
FUNCTIONS = dict(re.findall(r"^def (\w+)\((.*?)\):", TEXT["resources.smk"], flags=re.MULTILINE))


def test_every_rule_is_looked_at() -> None:
    names = [name for text in TEXT.values() for name in re.findall(r"^(?:rule|checkpoint) (\w+):", text, re.MULTILINE)]
    assert sorted(BLOCKS) == sorted(names) and len(names) > 20


@pytest.mark.parametrize("rule", BLOCKS)
@pytest.mark.parametrize("resource", ["mem_mb", "runtime"])
def test_grows_with_each_attempt(rule: str, resource: str) -> None:
    found = re.findall(rf"^ {{8}}{resource}=(.*),$", BLOCKS[rule], flags=re.MULTILINE)
    assert len(found) == 1, f"{rule} names {resource} {len(found)} times"
    if re.fullmatch(r"growing\(\d+\)", found[0]):
        return
    assert "attempt" in FUNCTIONS[found[0]], f"{rule}: {resource}={found[0]} is the same for every attempt"
    body = TEXT["resources.smk"].split(f"def {found[0]}(")[1].split("\ndef ")[0]
    assert re.search(r"return attempt \* ", body)
