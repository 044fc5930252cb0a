"""The options of datasets with reader ``nsd``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from menagerie.brain.options import fill_options


@dataclass(frozen=True)
class Options:
    """The options of a dataset that uses this reader.

    Attributes
    ----------
    nsd_root
        Folder that holds ``nsddata/``; never written to. Default: where the fetch command puts its files.
    endpoint
        S3 server to fetch from; empty for the public one. Only the fetch command looks at it.
    images
        "shared1000", "special515", "own:<subject>", or a text file with one id a line.
    regions
        List of region names, or mapping name -> expression or {mask: file}; see docs/nsd.md.
    missing
        "drop" leaves out images that lack a repeat; "average" uses the repeats that are there.
    betas
        "auto", "hdf5" or "nii.gz".
    zscore
        Z-score each voxel within each session (the published analysis).
    accept_terms
        True says that you have accepted the terms of NSD; the public data are not fetched without.
    ceiling_images
        Own images, outside the analysis, that the noise ceilings are estimated on; 0 leaves ceilings out.
    keep_repeats
        Keep single repeats in the target, for noise ceilings.
    """

    nsd_root: str | None = None
    endpoint: str = ""
    images: str = "shared1000"
    regions: object = ("OTC", "EVC")
    missing: str = "drop"
    betas: str = "auto"
    zscore: bool = True
    keep_repeats: bool = True
    accept_terms: bool = False
    ceiling_images: int = 500


DEFAULTS = {item.name: item.default for item in fields(Options)}


def parse_options(options: Mapping[str, object]) -> Options:
    """Check the names of the options; the values are checked where they are used.

    Raises
    ------
    MenagerieError
        When an option is unknown.
    """
    return Options(**fill_options("nsd", options, DEFAULTS))
