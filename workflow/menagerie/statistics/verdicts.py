"""Does a finding hold in other people, or on other images? One rule, for a person and for all persons of a dataset.

A person whose difference has the original's sign and p < .05 *replicates* it; with the other sign and p < .05 it
*opposes* it. With p >= .05 the difference is *absent* where the whole interval falls short of half the original's
estimate, and the person is *undecided* where it does not, or there is no test. An original that found no difference is
replicated by an interval that lies within the margin, and opposed by p < .05 with an estimate beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ALPHA = 0.05
REPLICATES, OPPOSES, ABSENT, UNDECIDED = OUTCOMES = ("replicates", "opposes", "absent", "undecided")
FULLY, MOSTLY, PARTIALLY, MOSTLY_NOT, NOT_AT_ALL, UNCLEAR = VERDICTS = (
    "fully",
    "mostly",
    "partially",
    "mostly not",
    "not at all",
    "unclear",
)
RULE = {
    FULLY: "every person replicates",
    MOSTLY: "more than half replicate and nobody opposes",
    PARTIALLY: "some replicate, and no fewer than oppose",
    MOSTLY_NOT: "fewer replicate than oppose, or nobody replicates and not everybody is decided",
    NOT_AT_ALL: "nobody replicates and everybody is decided",
    UNCLEAR: "nobody replicates and more than half are undecided",
}
"""Verdict -> when it is given; of several that fit, unclear goes before mostly not."""


@dataclass(frozen=True)
class Found:
    """An estimate with its 95 % interval and two-sided p; NaN where there is none."""

    estimate: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan

    @property
    def differs(self) -> bool:
        """Whether the estimate is told from zero at 5 %."""
        return self.p < ALPHA


def outcome(person: Found, original: Found, margin: float) -> str:
    """One of :data:`OUTCOMES`: what a person says of the original's finding.

    Parameters
    ----------
    person
        The same difference in the person.
    original
        The original's; it is a finding of no difference where its p is .05 or more.
    margin
        Differences up to this are as good as none, in units of the estimate.
    """
    if math.isnan(original.p) or math.isnan(person.p):
        return UNDECIDED
    if not original.differs:
        if person.differs and abs(person.estimate) > margin:
            return OPPOSES
        return REPLICATES if -margin <= person.low and person.high <= margin else UNDECIDED
    if person.differs:
        return REPLICATES if person.estimate * original.estimate > 0 else OPPOSES
    return ABSENT if _falls_short(person, original.estimate) else UNDECIDED


def order_outcome(person: Found, p_opposite: float, original: float) -> str:
    """The same for an order of levels.

    Parameters
    ----------
    person
        Rank correlation of the person's order with the original's; its p is one-sided.
    p_opposite
        One-sided p of the opposite order.
    original
        How well the original's own persons agree with each other; NaN where there is one person.
    """
    if person.p < ALPHA:
        return REPLICATES
    if p_opposite < ALPHA:
        return OPPOSES
    return ABSENT if _falls_short(person, original) else UNDECIDED


def _falls_short(person: Found, original: float) -> bool:
    half = original / 2
    return person.high < half if original > 0 else person.low > half


def verdict(outcomes: Sequence[str]) -> str:
    """One of :data:`VERDICTS` for the persons of a dataset, by :data:`RULE`; unclear without persons."""
    counts = {name: sum(one == name for one in outcomes) for name in OUTCOMES}
    n, yes, no, open_ = len(outcomes), counts[REPLICATES], counts[OPPOSES], counts[UNDECIDED]
    if yes == 0:
        return UNCLEAR if not n or open_ > n / 2 else MOSTLY_NOT if open_ else NOT_AT_ALL
    if yes == n:
        return FULLY
    if yes > n / 2 and no == 0:
        return MOSTLY
    return PARTIALLY if yes >= no else MOSTLY_NOT
