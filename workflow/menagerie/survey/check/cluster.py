"""The cluster behind a profile: reachable, and with the partitions, accounts and GPUs that the profile names.

``sinfo`` and, where there is accounting, ``sacctmgr`` say what exists; nothing is submitted.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from menagerie.survey.check.line import FAILURE, OK, Line
from menagerie.survey.check.profiles import Asked, asked
from menagerie.survey.slurm import ask


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind in a partition: how many, their generic resources (name, kind, count), and their features."""

    partition: str
    default: bool
    number: int
    gres: tuple[tuple[str, str, int], ...]
    features: frozenset[str]


def cluster(content: Mapping) -> list[Line]:
    """One line for SLURM, and one for each thing that the profile names and the cluster lacks."""
    if content.get("executor") != "slurm":
        return [Line(OK, "cluster", "not asked for by the profile")]
    said = ask("sinfo", "--noheader", "--format=%P|%a|%D|%G|%f")
    if said is None:
        return [Line(FAILURE, "cluster", "no command sinfo", "Run from a login node of the cluster.")]
    code, text = said
    if code:
        found = f"sinfo failed: {text.splitlines()[0] if text else code}"
        return [Line(FAILURE, "cluster", found, "Ask its operators.")]
    nodes = list(_nodes(text))
    if not nodes:
        return [Line(FAILURE, "cluster", "no partition is up", "Wait, or ask its operators.")]
    wanted = asked(content)
    lacking = [*_partitions(wanted, nodes), *_accounts(wanted), *_generic(wanted, nodes), *_constraints(wanted, nodes)]
    return lacking or [Line(OK, "cluster", ", ".join(f"{name}: {number} nodes" for name, number in _sizes(nodes)))]


def _nodes(text: str) -> Iterator[Nodes]:
    """Rows of sinfo for partitions that are up."""
    for row in text.splitlines():
        name, up, number, gres, features = [*(part.strip() for part in row.split("|")), "", "", "", ""][:5]
        if up == "up" and number.isdigit():
            kinds = frozenset(part for part in re.split(r"[,\s]+", features) if part and part != "(null)")
            yield Nodes(name.rstrip("*"), name.endswith("*"), int(number), tuple(_gres(gres)), kinds)


def _gres(text: str) -> Iterator[tuple[str, str, int]]:
    """``gpu:a100:4(S:0-1),shard:8`` -> ("gpu", "a100", 4), ("shard", "", 8)."""
    for entry in re.sub(r"\([^)]*\)", "", text).split(","):
        name, *rest = entry.strip().split(":")
        if name:
            count = re.fullmatch(r"(\d+)[KMGT]?", rest[-1]) if rest else None
            yield name, rest[0] if rest and (len(rest) > 1 or not count) else "", int(count[1]) if count else 1


def _sizes(nodes: list[Nodes]) -> list[tuple[str, int]]:
    names = dict.fromkeys(one.partition for one in nodes)
    return [(name, sum(one.number for one in nodes if one.partition == name)) for name in names]


def _partitions(wanted: list[Asked], nodes: list[Nodes]) -> Iterator[Line]:
    up = [name for name, _ in _sizes(nodes)]
    for one in wanted:
        for name in one.value.split(",") if one.resource == "slurm_partition" else []:
            if name not in up:
                found = f"partition {name} of the profile ({one.place}) is not up; found {', '.join(up)}"
                yield Line(FAILURE, "cluster", found, "Name another under slurm_partition.")


def _accounts(wanted: list[Asked]) -> Iterator[Line]:
    """Accounts that SLURM's accounting does not know for this user; without accounting nothing is known."""
    named = [one for one in wanted if one.resource == "slurm_account"]
    if not named:
        return
    command = ("list", "associations", f"user={getpass.getuser()}", "format=Account")
    said = ask("sacctmgr", "--noheader", "--parsable2", *command)
    known = sorted({line.strip() for line in said[1].splitlines() if line.strip()}) if said and said[0] == 0 else []
    for one in named:
        for name in re.split(r"[,\s]+", one.value) if known else []:
            if name.lower() not in map(str.lower, known):
                found = f"account {name} of the profile ({one.place}) is not yours; found {', '.join(known)}"
                yield Line(FAILURE, "cluster", found, "Name another under slurm_account.")


def _generic(wanted: list[Asked], nodes: list[Nodes]) -> Iterator[Line]:
    """Generic resources (GPUs) that no node of the partition has in this number."""
    for one in wanted:
        if one.resource != "gres" or not one.value:
            continue
        there = _in_partition(one, wanted, nodes)
        have = [entry for part in there for entry in part.gres if entry[0] != "(null)"]
        for name, kind, count in _gres(one.value):
            if any(name == has and kind in ("", of) and count <= number for has, of, number in have):
                continue
            place = f"in {', '.join(sorted({part.partition for part in there}))}"
            known = ", ".join(dict.fromkeys(":".join(filter(None, (a, b, str(c)))) for a, b, c in have)) or "none"
            found = f"gres {one.value} of the profile ({one.place}): no node {place} has it; found {known}"
            yield Line(FAILURE, "cluster", found, "Name what a node has, another partition, or delete the line gres.")


def _constraints(wanted: list[Asked], nodes: list[Nodes]) -> Iterator[Line]:
    for one in wanted:
        if one.resource != "constraint":
            continue
        there = frozenset().union(*(part.features for part in _in_partition(one, wanted, nodes)))
        for name in re.findall(r"[\w.-]+", re.sub(r"\*\d+", "", one.value)):
            if name not in there:
                known = ", ".join(sorted(there)) or "none"
                found = f"feature {name} of the profile ({one.place}): no node has it; found {known}"
                yield Line(FAILURE, "cluster", found, "Name another under constraint, or delete the line.")


def _in_partition(one: Asked, wanted: list[Asked], nodes: list[Nodes]) -> list[Nodes]:
    """Nodes that a rule's jobs go to: of its partition, of the profile's, of SLURM's default, or all."""
    for rule in dict.fromkeys((one.rule, "")):
        named = [other.value for other in wanted if other.resource == "slurm_partition" and other.rule == rule]
        if named:
            return [part for part in nodes if part.partition in named[0].split(",")]
    return [part for part in nodes if part.default] or nodes
