"""The options of datasets with reader ``laion``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from menagerie.brain.laion.layout import CEILING_MAPS, SUBJECTS
from menagerie.brain.options import fill_options
from menagerie.errors import unknown

IMAGES = ("shared", "shared+ood", *SUBJECTS, *(f"{subject}+ood" for subject in SUBJECTS))
ZSCORES = ("session", "run", "none")
MISSING_RULES = ("drop", "average")


@dataclass(frozen=True)
class Options:
    """The options of a dataset that uses this reader.

    Attributes
    ----------
    laion_root
        Folder that holds ``derivatives/``; never written to. Default: where the fetch command puts its files.
    stimuli_folder
        Folder of the images and their table, which the user obtained under the agreement. Default: ``stimuli`` there.
    splits_folder
        Folder ``laion_fmri/splits/data`` of the dataset's own package. Default: that folder in ``laion_root``.
    endpoint
        S3 server to fetch from; empty for the public one. Only the fetch command looks at it.
    images
        "shared": the 1,121 images that all saw, without those out of distribution; "sub-03": these and the ones that
        this subject alone saw. "+ood" behind either adds the 371 images out of distribution.
    regions
        List of region names, or mapping name -> expression or {mask: file}; see docs/laion.md.
    noise_ceiling_map
        Map that ``ncsnr`` is computed from: "12rep", "4rep" or "allrep".
    missing
        "drop" leaves out images that lack a repeat; "average" uses the repeats that are there.
    zscore
        Z-score each voxel over the trials of each "session" or "run"; "none" leaves betas as they are.
    keep_repeats
        Keep single repeats in the target.
    accept_terms
        True says that you have read the licence of data and derivatives (CC0); nothing public is fetched without.
    ceiling_images
        The subject's own images, outside the analysis, that the noise ceilings are estimated on; 0 leaves ceilings out.
    """

    laion_root: str | None = None
    stimuli_folder: str | None = None
    splits_folder: str | None = None
    endpoint: str = ""
    images: str = "shared"
    regions: object = ("OTC", "EVC")
    noise_ceiling_map: str = "12rep"
    missing: str = "drop"
    zscore: str = "session"
    keep_repeats: bool = False
    accept_terms: bool = False
    ceiling_images: int = 500

    @property
    def pool(self) -> str:
        """Pool of the split files: "shared", or the subject whose own images take part."""
        return self.images.removesuffix("+ood")

    @property
    def with_ood(self) -> bool:
        """Whether images out of distribution are among the images."""
        return self.images.endswith("+ood")


DEFAULTS = {item.name: item.default for item in fields(Options)}


def parse_options(options: Mapping[str, object]) -> Options:
    """Check the names of the options, and the values that are words.

    Raises
    ------
    MenagerieError
        When an option or a word is unknown.
    """
    chosen = Options(**fill_options("laion", options, DEFAULTS))
    for name, known in (
        ("images", IMAGES),
        ("noise_ceiling_map", CEILING_MAPS),
        ("missing", MISSING_RULES),
        ("zscore", ZSCORES),
    ):
        if getattr(chosen, name) not in known:
            raise unknown(f"value of option {name} of reader laion", str(getattr(chosen, name)), known)
    return chosen
