"""Groups of images: categories or near-duplicates, which inference draws and permutes as wholes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pyarrow as pa

from menagerie.errors import MenagerieError
from menagerie.files.columns import TEXT, column
from menagerie.files.tables import build_table, read_table, write_table

MIN_GROUPS = 4  # three groups have only three pairs
GROUPS = pa.schema(
    [
        column("image", TEXT, meaning="image id, as in the stimulus set"),
        column("group", TEXT, meaning="category, or near-duplicates, whose images are drawn and permuted together"),
    ]
)


def image_groups(
    dataset: str, column_name: str, image_ids: Sequence[str], reader: ModuleType, options: Mapping
) -> dict[str, str]:
    """Image -> group, from a column of the dataset's images.csv.

    Raises
    ------
    MenagerieError
        When the reader knows no groups, the column is missing or has an empty value, or there are too few groups.
    """
    require_groups(dataset, column_name, reader)
    values = reader.image_column(options, column_name, image_ids)
    if (found := len(set(values))) < MIN_GROUPS:
        raise MenagerieError(
            f"Config key datasets.{dataset}.groups: found {found} groups of {len(values)} images in column "
            f"'{column_name}', expected at least {MIN_GROUPS}. Name another column, or leave the key out."
        )
    return dict(zip(map(str, image_ids), values, strict=True))


def require_groups(dataset: str, column_name: str, reader: ModuleType) -> None:
    """Refuse groups for readers without a table of images.

    Raises
    ------
    MenagerieError
        Naming the config key.
    """
    if column_name and not hasattr(reader, "image_column"):
        raise MenagerieError(
            f"Config key datasets.{dataset}.groups: found {column_name}, but the dataset's reader knows no groups of "
            "images; readers own and rsm do, by columns of images.csv. Leave the key out."
        )


def write_groups(path: str | Path, groups: Mapping[str, str], provenance: Mapping[str, object]) -> None:
    """Write the groups of a stimulus set, image by image."""
    columns = {"image": list(groups), "group": list(groups.values())}
    write_table(path, build_table(GROUPS, columns), provenance)


def read_groups(path: str | Path | None) -> dict[str, str] | None:
    """Image -> group; None without a file, where each image stands for itself.

    Raises
    ------
    MenagerieError
        When the file cannot be read.
    """
    if path is None:
        return None
    table = read_table(path).to_pydict()
    return dict(zip(table["image"], table["group"], strict=True))
