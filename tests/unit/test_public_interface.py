"""Only Snakemake's public interface is used: its insides change from release to release, without a word."""

from __future__ import annotations

import re
from pathlib import Path

# What rules may ask of the object `workflow`: documented, or a plain property of the run.
ALLOWED = {"basedir", "current_basedir", "overwrite_configfiles", "is_main_process", "dryrun"}
PRIVATE = re.compile(
    r"\bdag_processors\b|\bpersistence\b|\bgc\.(disable|freeze)|\._[a-z]\w*\s*=|setattr\("
    r"|from snakemake\.(?!utils|exceptions|logging)"
)


def sources(root: Path) -> list[Path]:
    return [root / "Snakefile", *sorted((root / "workflow" / "rules").glob("*.smk"))]


def test_rules_ask_workflow_for_public_properties_only(root: Path) -> None:
    asked = {name for path in sources(root) for name in re.findall(r"\bworkflow\.(\w+)", code_of(path))}
    assert asked <= ALLOWED


def test_rules_do_not_reach_into_snakemake(root: Path) -> None:
    found = {path.name: match[0] for path in sources(root) if (match := PRIVATE.search(code_of(path)))}
    assert not found


def code_of(path: Path) -> str:
    """Text of a file without comments and include paths."""
    return re.sub(r"#.*|\"workflow/.*\"", "", path.read_text())
