"""What is written differently from subject to subject, though it is meant to be the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from menagerie.brain.names import normal
from menagerie.brain.remarks import Remark


class Named(Protocol):
    """Anything with names of regions and units."""

    regions: Sequence[str]
    unit_names: Sequence[str] | None


def compare_regions(regions: Mapping[str, Sequence[str]]) -> list[Remark]:
    """Remarks on regions whose names differ in case only between subjects: they are scored as different regions."""
    variants: dict[str, dict[str, list[str]]] = {}
    for subject, names in regions.items():
        for name in names:
            variants.setdefault(normal(name).casefold(), {}).setdefault(name, []).append(subject)
    return [
        Remark(
            "region names differ in case only: "
            + ", ".join(f"'{name}' ({', '.join(subjects)})" for name, subjects in spellings.items())
            + "; they are scored as different regions.",
            "Write them alike if they are one.",
        )
        for spellings in variants.values()
        if len(spellings) > 1
    ]


def compare_units(units: Mapping[str, Sequence[str] | None]) -> list[Remark]:
    """Remarks where the unit names of a subject are not those of the first."""
    named = {subject: list(names) for subject, names in units.items() if names is not None}
    remarks = []
    subjects = list(named)
    for subject in subjects[1:]:
        first, mine = named[subjects[0]], named[subject]
        if first == mine:
            continue
        common = set(first) & set(mine)
        only = next((name for name in mine if name not in common), None)
        lacking = next((name for name in first if name not in common), None)
        details = [
            f"only in {who}: {name}" for who, name in ((subject, only), (subjects[0], lacking)) if name is not None
        ]
        found = ", ".join(details) or "the same names in another order"
        text = f"unit names of {subject} and {subjects[0]} differ ({len(common)} in common; {found})."
        advice = "Units are never matched between subjects; check the names if they are meant to be the same."
        remarks.append(Remark(text, advice))
    return remarks


def compare_subjects(looks: Mapping[str, Named]) -> list[Remark]:
    """Remarks on names of regions and units that differ between subjects."""
    regions = compare_regions({subject: look.regions for subject, look in looks.items()})
    return regions + compare_units({subject: look.unit_names for subject, look in looks.items()})
