"""The regions that come with LAION-fMRI.

OTC is that of the dataset's authors in their run of Conwell et al. (2024) (repository andropar/conwell_replication, May
2026), but for ncsnr: theirs was computed from betas z-scored over all trials, ours comes from the map that is shipped.
"""

from __future__ import annotations

from collections.abc import Mapping

_STREAMS = "(laion_general and (laion_ventral or laion_lateral))"
_AREAS = {
    "faces": ("OFA", "FFA_1", "FFA_2"),
    "bodies": ("EBA", "FBA"),
    "characters": ("VWFA_1", "VWFA_2", "mfs_words", "pSTS_words"),
    "places": ("PPA", "OPA"),
}
_RELIABLE = "ncsnr > 0.2 and r2mean > 0.15"


def _any(names: tuple[str, ...]) -> str:
    return "(" + " or ".join(names) + ")"


_CATEGORIES = " or ".join(_any(names) for names in _AREAS.values())
_CATEGORIES_Z = " or ".join(f"({domain}_z > 1 and {_any(names)})" for domain, names in _AREAS.items())

DEFAULT_REGIONS: Mapping[str, str] = {
    "OTC": f"{_RELIABLE} and ({_STREAMS} or {_CATEGORIES})",
    "OTC_z1": f"{_RELIABLE} and ({_STREAMS} or {_CATEGORIES_Z})",  # with the survey's threshold, on z instead of t
    "OTC_streams": f"{_RELIABLE} and {_STREAMS}",
    "OTC_categories": f"{_RELIABLE} and ({_CATEGORIES})",
    "EVC": "V1v or V1d or V2v or V2d or V3v or V3d or hV4",
    "V1": "V1v or V1d",
    "V2": "V2v or V2d",
    "V3": "V3v or V3d",
    "V4": "hV4",
    **{domain: f"ncsnr > 0.2 and {_any(names)}" for domain, names in _AREAS.items()},
    "objects": "ncsnr > 0.2 and (l_objects or v_objects)",
    "motion": "ncsnr > 0.2 and (MT or MST)",
    **{stream: f"ncsnr > 0.2 and laion_{stream}" for stream in ("general", "ventral", "lateral", "dorsal")},
}
