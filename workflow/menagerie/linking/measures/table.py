"""The table of measures: what configs, experiments, figures, leaderboard and report need to know of each.

The order is that of figures and tables. A score of a measure does not depend on this file, which names them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measure. A score is higher where layer and brain are more alike; distances are given as similarities.

    Attributes
    ----------
    label
        How it is written.
    axis
        Key of :data:`AXES`; scores of one axis are comparable and share a panel.
    filled
        Whether its marks are filled.
    low, high
        Range of scores; None where there is no end.
    ceiling
        Whether the noise ceiling of the region's RSM is a ceiling for this score.
    interval
        Name of the way in which its resamples are drawn (:mod:`menagerie.linking.resampling`); empty for no interval.
    null
        Likewise, scores after permutations of images; empty for no p.
    swap
        Name of the test between two models by swaps of predictions (:mod:`menagerie.linking.pairwise`); empty for
        the bootstrap.
    unit_scores
        Whether the correlations of single units behind the score are reported too.
    source
        Who proposed it, and where.
    """

    label: str
    axis: str
    source: str
    filled: bool = True
    low: float | None = -1.0
    high: float | None = 1.0
    ceiling: bool = False
    interval: str = ""
    null: str = ""
    swap: str = ""
    unit_scores: bool = False


AXES = {
    "RSA": "similarity of RSMs (Pearson r)",
    "encoding": "mean accuracy over units (Pearson r)",
    "normalised": "accuracy / ceiling (mean over units)",
    "explained": "explainable variance explained (mean over units)",
    "CKA": "alignment (debiased CKA)",
    "Procrustes": "similarity (after rotation)",
    "neighbours": "shared neighbours (of 10)",
    "ranks": "similarity of RSMs (Spearman r)",
    "cosine": "similarity of RDMs (cosine)",
    "whitened": "similarity of RDMs (whitened cosine)",
    "crossvalidated": "similarity of RDMs (cross-validated)",
}
PANEL = ("cka", "procrustes", "knn", "rsa_spearman", "rsa_cosine", "rsa_whitened", "rsa_crossvalidated")
"""Measures without a fit, from the matrices that are stored of a layer."""
TABLE: Mapping[str, Row] = {
    "crsa": Row(
        "cRSA",
        "RSA",
        "Kriegeskorte, Mur & Bandettini 2008, doi 10.3389/neuro.06.004.2008",
        filled=False,
        ceiling=True,
        interval="rsms",
        null="rsms",
    ),
    "versa": Row(
        "veRSA",
        "RSA",
        "Konkle & Alvarez 2022, doi 10.1038/s41467-022-28091-4",
        ceiling=True,
        interval="rsms",
        null="rsms",
        swap="patterns",
    ),
    "encoding_r": Row(
        "encoding r",
        "encoding",
        "Naselaris et al. 2011, doi 10.1016/j.neuroimage.2010.07.073",
        interval="units",
        null="units",
        swap="shares",
        unit_scores=True,
    ),
    "encoding_nr": Row(
        "encoding r / \N{SQUARE ROOT}nc",
        "normalised",
        "Schoppe et al. 2016, doi 10.3389/fncom.2016.00010",
        low=None,
        high=None,
        interval="normalised",
        null="normalised",
        swap="normalised_shares",
    ),
    "encoding_ev": Row(
        "encoding r\N{SUPERSCRIPT TWO} / nc",
        "explained",
        "Schoppe et al. 2016, doi 10.3389/fncom.2016.00010",
        low=0.0,
        high=None,
        interval="explained",  # not linear in what is permuted: no p
    ),
    "cka": Row(
        "CKA, debiased",
        "CKA",
        "Song et al. 2012, jmlr.org/papers/v13/song12a.html; Murphy, Zylberberg & Fyshe 2024, arXiv 2405.01012",
        interval="influence",
        null="products",
    ),
    "procrustes": Row(
        "Procrustes",
        "Procrustes",
        "Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739",
        low=0.0,
        interval="influence",
        null="nuclear",
    ),
    "knn": Row(
        "mutual neighbours",
        "neighbours",
        "Huh, Cheung, Wang & Isola 2024, arXiv 2405.07987",
        low=0.0,
        interval="influence",
        null="products",
    ),
    "rsa_spearman": Row(
        "rank RSA",
        "ranks",
        "Nili et al. 2014, doi 10.1371/journal.pcbi.1003553",
        interval="influence",
        null="products",
    ),
    "rsa_cosine": Row(
        "RSA, cosine",
        "cosine",
        "Diedrichsen et al. 2021, arXiv 2007.02789",
        interval="influence",
        null="products",
    ),
    "rsa_whitened": Row(
        "RSA, whitened",
        "whitened",
        "Diedrichsen et al. 2021, arXiv 2007.02789",
        interval="influence",
        null="products",
    ),
    "rsa_crossvalidated": Row(
        "RSA, cross-validated",
        "crossvalidated",
        "Diedrichsen et al. 2021, arXiv 2007.02789; Walther et al. 2016, doi 10.1016/j.neuroimage.2015.12.012",
        interval="influence",
        null="products",
    ),
}
