"""Weights in several safetensors files that an index lists (``model.safetensors.index.json``)."""

from __future__ import annotations

import json
import re
from pathlib import Path

from menagerie.errors import MenagerieError

INDEX = ".safetensors.index.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\.safetensors")


def shard_names(index: str | Path) -> list[str]:
    """Names of the files that an index lists; they lie next to it.

    Raises
    ------
    MenagerieError
        When the index cannot be read, or names a file in another folder.
    """
    try:
        places = json.loads(Path(index).read_text(encoding="utf-8"))["weight_map"].values()
        names = sorted({str(name) for name in places})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MenagerieError(
            f"{index} cannot be read: expected an index of safetensors files with 'weight_map', found: {error!r:.100}. "
            "Download it again."
        ) from error
    strange = [name for name in names if not _NAME.fullmatch(name)]
    if strange or not names:
        raise MenagerieError(
            f"{index}: found {strange[0] if strange else 'no file'!r:.100} in 'weight_map', expected names of "
            ".safetensors files in the same folder. Download it again."
        )
    return names
