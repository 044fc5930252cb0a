"""The regions that come with NSD, and the volumes that expressions may name."""

from __future__ import annotations

from collections.abc import Mapping

from menagerie.brain.nsd.layout import LABEL_VOLUMES, NCSNR, T_MAPS
from menagerie.brain.voxels.regions import names_of

# Conwell et al. 2024, Methods: reliable voxels of the ventral and lateral streams, and of category-selective areas.
DEFAULT_REGIONS: Mapping[str, str] = {
    "OTC": """
        ncsnr > 0.2 and (
            (nsdgeneral and streams in {midventral, ventral, midlateral, lateral})
            or (faces_t > 1 and floc_faces in {OFA, FFA_1, FFA_2})
            or (bodies_t > 1 and floc_bodies in {EBA, FBA_1, FBA_2})
            or (places_t > 1 and floc_places in {OPA, PPA})
            or (words_t > 1 and floc_words in {OWFA, VWFA_1, VWFA_2})
        )""",
    "EVC": "prf_visualrois in {V1v, V1d, V2v, V2d, V3v, V3d, hV4}",
}
BUILT_IN = {*LABEL_VOLUMES, *T_MAPS, NCSNR}


def volumes_of(regions: object) -> list[str]:
    """Volumes that the expressions of the config key ``regions`` name, each once; labels may lie in others.

    Raises
    ------
    MenagerieError
        When an expression does not parse.
    """
    return [word for word in names_of(regions, DEFAULT_REGIONS) if word in BUILT_IN]
