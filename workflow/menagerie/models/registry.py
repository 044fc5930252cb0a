"""The list of models: one row of ``config/models.tsv`` each, or a name that needs no row.

Imports neither torch nor snakemake, so that parsing the workflow stays fast.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from menagerie.errors import MenagerieError, unknown
from menagerie.files.paths import refuse_special

ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
WEIGHT_SOURCES = ("package", "url", "hub", "file")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")
TRAINING = ("trained", "random")

# Columns that say what a model is, not how to build it. Experiments group by them; empty means "does not apply".
METADATA = (
    "display_name",
    "task",
    "method",
    "data",
    "architecture",
    "architecture_class",
    "family",
    "top1",
    "parameters",
    "licence",
    "published_id",
    "published_parameters",
    "published_label",
    "compare_training",
    "compare_architecture",
    "compare_goal_slip",
    "compare_goal_taskonomy_tasks",
    "compare_goal_taskonomy_cluster",
    "compare_goal_expertise",
    "compare_diet_ipcl",
    "compare_goal_selfsupervised",
    "compare_goal_contrastive",
    "compare_diet_imagenetsize",
    "note",
)


@dataclass(frozen=True)
class ModelSpec:
    """How to build one model, and what is known of it.

    Attributes
    ----------
    id
        Name in file names and tables: letters, digits and ``_ . + -`` only.
    provider, builder
        Which module of ``menagerie.models.providers`` builds it, and the name that this module is given.
    weights
        ``random``; ``provider`` (the provider names the source); ``package:<distribution>``;
        ``hub:<owner/repository>``; ``url:<address>``; ``file:<path>``.
    mapping
        Name of the key mapping in ``menagerie.models.mappings`` that turns the checkpoint's keys into the builder's;
        empty for none.
    sha256
        Of the file that ``weights`` names, when known; its first digits (at least 8) are enough.
    trust
        SHA-256 of a file that is laid out in a way that is not read safely, and that torch's ``weights_only`` loader
        may open all the same; empty for none.
    input_size, mean, std, interpolation, crop_pct
        The evaluation transform of the checkpoint; None where the provider is to be asked.
    paper_size, paper_mean, paper_std
        What the 2024 survey fed to this model, where that differs from the above.
    training
        ``trained`` or ``random``.
    seed
        Of the initialisation of untrained weights.
    metadata
        The columns of ``METADATA``; empty text where unknown or not applicable.
    """

    id: str
    provider: str
    builder: str
    weights: str
    mapping: str = ""
    sha256: str = ""
    trust: str = ""
    input_size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    interpolation: str | None = None
    crop_pct: float | None = None
    paper_size: int | None = None
    paper_mean: tuple[float, ...] | None = None
    paper_std: tuple[float, ...] | None = None
    training: str = "trained"
    seed: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)

    def build_row(self) -> dict[str, Any]:
        """The columns that the network itself depends on, for job parameters; tuples become lists."""
        row = {name: getattr(self, name) for name in BUILD_COLUMNS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}

    def as_row(self) -> dict[str, Any]:
        """Every column as one flat dict, for tables; tuples become lists."""
        return self.build_row() | {name: self.metadata.get(name, "") for name in METADATA}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ModelSpec:
        """Inverse of ``as_row`` and of ``build_row``."""
        build = {name: tuple(row[name]) if isinstance(row[name], list) else row[name] for name in BUILD_COLUMNS}
        return cls(**build, metadata={name: row.get(name, "") for name in METADATA})


BUILD_COLUMNS = tuple(f.name for f in fields(ModelSpec) if f.name != "metadata")
COLUMNS = BUILD_COLUMNS + METADATA
REQUIRED = ("id", "provider", "builder", "weights", "training")

MOST_CHARACTERS = 100_000  # of a line; csv refuses cells of more than 131,072


def read_registry(path: str | Path) -> dict[str, ModelSpec]:
    """Read a tab-separated model table; the keys are the ids, in the file's order.

    Raises
    ------
    MenagerieError
        Naming file and line: a missing or unknown column, a repeated id, or a cell that cannot be understood.
    """
    path = Path(path)
    refuse_special(path, "a model table", "Check config key registry.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise MenagerieError(
            f"The model table {path} cannot be read: expected tab-separated text in UTF-8, found: {said}. "
            "Check config key registry."
        ) from error
    lines = list(lines)
    for number, line in enumerate(lines, start=1):
        if len(line) > MOST_CHARACTERS:
            raise MenagerieError(
                f"{path}, line {number}: found {len(line):,} characters, expected at most {MOST_CHARACTERS:,}. "
                "Correct it."
            )
    reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    header = next(reader, [])
    _check_header(path, header)
    specs: dict[str, ModelSpec] = {}
    first_line: dict[str, int] = {}
    for cells in reader:
        if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
            continue
        where = f"{path}, line {reader.line_num}"
        if len(cells) != len(header):
            raise MenagerieError(
                f"{where}: {len(cells)} tab-separated cells, but the header has {len(header)}. Fill up with tabs."
            )
        spec = _parse_row(where, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
        if spec.id in specs:
            raise MenagerieError(
                f"{where}: id '{spec.id}' is also on line {first_line[spec.id]}, expected one row. Rename one."
            )
        specs[spec.id], first_line[spec.id] = spec, reader.line_num
    return specs


def _check_header(path: Path, header: list[str]) -> None:
    for column in header:
        if column not in COLUMNS:
            raise unknown(f"column in the header of {path}", column, COLUMNS)
        if header.count(column) > 1:
            raise MenagerieError(f"{path}, line 1: the column '{column}' appears more than once.")
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise MenagerieError(f"{path}, line 1: missing column(s) {', '.join(missing)}; columns are separated by tabs.")


def _parse_row(where: str, row: dict[str, str]) -> ModelSpec:
    build: dict[str, Any] = {}
    for column in BUILD_COLUMNS:
        cell = row.get(column, "")
        if cell == "":
            if column in REQUIRED:
                raise MenagerieError(
                    f"{where}: the cell of column '{column}' is empty; every model needs one. Fill it in."
                )
            continue
        parse, expected = _PARSERS.get(column, (str, ""))
        try:
            build[column] = parse(cell)
        except ValueError:
            raise MenagerieError(
                f"{where}, column '{column}': found '{cell}', expected {expected}. Change the cell."
            ) from None
    metadata = {column: row.get(column, "") for column in METADATA}
    for column, kind in (("top1", float), ("parameters", int), ("published_parameters", int)):
        try:
            kind(metadata[column] or 0)
        except ValueError:
            raise MenagerieError(
                f"{where}, column '{column}': found '{metadata[column]}', expected a number. Change the cell."
            ) from None
    _check_consistency(where, build)
    return ModelSpec(**build, metadata=metadata)


def _check_consistency(where: str, build: dict[str, Any]) -> None:
    if (build["weights"] == "random") != (build["training"] == "random"):
        raise MenagerieError(
            f"{where}: weights '{build['weights']}' with training '{build['training']}'; "
            "an untrained model has 'random' in both columns, a trained one in neither. Change one."
        )
    for pair in (("mean", "std"), ("paper_mean", "paper_std")):
        if (pair[0] in build) != (pair[1] in build):
            alone = pair[0] if pair[0] in build else pair[1]
            raise MenagerieError(
                f"{where}: found only '{alone}', expected both '{pair[0]}' and '{pair[1]}', or neither. Fill the "
                "other in."
            )
    if "mapping" in build and build["training"] == "random":
        raise MenagerieError(f"{where}: 'mapping' renames the keys of a checkpoint, but the weights are random.")


def _choice(options: Iterable[str]) -> Callable[[str], str]:
    def parse(cell: str) -> str:
        if cell not in options:
            raise ValueError
        return cell

    return parse


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def parse(cell: str) -> str:
        if not pattern.fullmatch(cell):
            raise ValueError
        return cell

    return parse


def _three(cell: str) -> tuple[float, ...]:
    values = tuple(float(value) for value in cell.split(","))
    if len(values) != 3:
        raise ValueError
    return values


def _positive_three(cell: str) -> tuple[float, ...]:
    values = _three(cell)
    if min(values) <= 0:
        raise ValueError
    return values


def _size(cell: str) -> int:
    value = int(cell)
    if not 8 <= value <= 4096:
        raise ValueError
    return value


def _fraction(cell: str) -> float:
    value = float(cell)
    if not 0 < value <= 1:
        raise ValueError
    return value


def _natural(cell: str) -> int:
    value = int(cell)
    if value < 0:
        raise ValueError
    return value


_SOURCE = re.compile(rf"random|provider|(?:{'|'.join(WEIGHT_SOURCES)}):.+")
_PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "id": (
        _matching(ID),
        "letters, digits and _ . + - only, as in a file name, . + - not at the start",
    ),
    "weights": (
        _matching(_SOURCE),
        "random, provider, package:<distribution>, hub:<owner/repository>, url:<address> or file:<path>",
    ),
    "sha256": (_matching(re.compile(r"[0-9a-f]{8,64}")), "8 to 64 lower-case hexadecimal digits"),
    "trust": (_matching(re.compile(r"[0-9a-f]{64}")), "64 lower-case hexadecimal digits"),
    "input_size": (_size, "a whole number of pixels from 8 to 4096"),
    "paper_size": (_size, "a whole number of pixels from 8 to 4096"),
    "mean": (_three, "three numbers separated by commas"),
    "std": (_positive_three, "three positive numbers separated by commas"),
    "paper_mean": (_three, "three numbers separated by commas"),
    "paper_std": (_positive_three, "three positive numbers separated by commas"),
    "interpolation": (_choice(INTERPOLATIONS), "one of " + ", ".join(INTERPOLATIONS)),
    "crop_pct": (_fraction, "a number above 0 and at most 1"),
    "training": (_choice(TRAINING), "trained or random"),
    "seed": (_natural, "a whole number, zero or more"),
}


def inline_spec(name: str) -> ModelSpec:
    """Spec of a model that has no row.

    ``provider/name`` with the weights that the provider knows, ``provider/name:random`` for the untrained network,
    ``provider/name@checkpoint`` with a file of weights. The ids are ``provider__name``, ``provider__name_random`` and
    ``provider__name_checkpoint`` (the file's stem), with a hyphen for every character that no file name should have.

    Raises
    ------
    MenagerieError
        When the name is none of the three.
    """
    untrained = name.endswith(":random")
    whole, _, checkpoint = name.removesuffix(":random").partition("@")
    provider, _, builder = whole.partition("/")
    if not provider or not builder or (untrained and checkpoint):
        raise MenagerieError(
            f"Model '{name}': expected provider/name, provider/name:random or provider/name@checkpoint, "
            "for example timm/resnet18.a1_in1k."
        )
    suffix = "_random" if untrained else f"_{Path(checkpoint).stem}" if checkpoint else ""
    safe = re.sub(r"[^A-Za-z0-9_.+-]+", "-", builder.strip("/") + suffix)
    trained_weights = f"file:{checkpoint}" if checkpoint else "provider"
    return ModelSpec(
        id=f"{provider}__{safe}",
        provider=provider,
        builder=builder,
        weights="random" if untrained else trained_weights,
        training="random" if untrained else "trained",
        metadata=dict.fromkeys(METADATA, "") | {"display_name": name, "architecture": builder},
    )


def select_models(specs: Mapping[str, ModelSpec], patterns: Iterable[str]) -> list[ModelSpec]:
    """Models that ``patterns`` name, in the order of the patterns, each once.

    A pattern is an id, a glob over ids (``*``, ``?``, ``[...]``; matches come in the table's order), a glob over
    another column of the table (``family=ResNet*``), or ``provider/name``.

    Raises
    ------
    MenagerieError
        For a name or glob that fits no model, with the nearest id.
    """
    chosen: dict[str, ModelSpec] = {}
    for pattern in patterns:
        for spec in _matches(specs, str(pattern)):
            if chosen.setdefault(spec.id, spec) != spec:
                raise MenagerieError(f"Two models have the id '{spec.id}'; '{pattern}' is one. Rename one.")
    _refuse_case_twins(chosen)
    return list(chosen.values())


def _refuse_case_twins(names: Iterable[str]) -> None:
    folded: dict[str, str] = {}
    for name in names:
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            raise MenagerieError(
                f"Models '{other}' and '{name}': found names that differ in capitals only, expected different names, "
                "since files are called by them and some file systems do not tell them apart. Rename one."
            )


def _matches(specs: Mapping[str, ModelSpec], pattern: str) -> list[ModelSpec]:
    if pattern in specs:
        return [specs[pattern]]
    if "/" in pattern:
        spec = inline_spec(pattern)
        _check_provider(spec.provider, pattern)
        return [spec]
    if "=" in pattern:
        return _matches_in_column(specs, *pattern.split("=", 1))
    if any(character in pattern for character in "*?["):
        found = [spec for id, spec in specs.items() if fnmatchcase(id, pattern)]
        if found:
            return found
        # A glob is compared without its wildcards, so that 'efficentnet*' still suggests an EfficientNet.
        nearest = get_close_matches(re.sub(r"[*?\[\]]", "", pattern), list(specs), n=1, cutoff=0.4)
        hint = f" Nearest id: '{nearest[0]}'." if nearest else ""
        raise MenagerieError(f"The model pattern '{pattern}' matches none of the {len(specs)} models.{hint}")
    raise unknown("model", pattern, specs)


def _matches_in_column(specs: Mapping[str, ModelSpec], column: str, wanted: str) -> list[ModelSpec]:
    if column not in COLUMNS:
        raise unknown(f"column in model pattern '{column}={wanted}'", column, COLUMNS)
    cells = {id: str(spec.as_row()[column]) for id, spec in specs.items()}
    found = [specs[id] for id, cell in cells.items() if fnmatchcase(cell, wanted)]
    if not found:
        raise unknown(f"value of model pattern '{column}={wanted}'", wanted, set(cells.values()) - {""})
    return found


def _check_provider(provider: str, pattern: str) -> None:
    from menagerie.models.providers import PROVIDERS

    if provider not in PROVIDERS:
        raise unknown(f"provider of the model '{pattern}'", provider, PROVIDERS)
