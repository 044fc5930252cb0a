"""What a file was made from: written into it, united where files are put together, refused where they disagree.

Provenance is a nested mapping. The type of a leaf says whether two files of one run may differ in it: texts and numbers
must be the same wherever they stand in both (code, config, weights, data, seed), lists are united (device, versions of
packages). What differs by nature stands under a name of its own: ``data`` by dataset and subject, ``weights`` by model.
``job`` names the one job that wrote the file, ``made_from`` its recipe, ``measures`` what its scores were made from,
metric by metric; none is passed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from menagerie.errors import MenagerieError
from menagerie.provenance.code import value_fingerprint, versions
from menagerie.provenance.recipe import Recipe

OWN = ("job", "made_from", "measures")
Origin = tuple[str, Mapping]  # name of a file, as a person is to read it, and its provenance
Path = tuple[str, ...]  # of a leaf


def record(
    snakemake: object, recipe: Recipe, origins: Iterable[Origin] = (), *, part: str = "", **more: object
) -> dict:
    """Provenance of what a job writes: its own, and that of everything it read.

    Parameters
    ----------
    snakemake
        The object of that name in a script: rule and wildcards.
    recipe
        What the job was planned with.
    origins
        Name and provenance of every file that was read.
    part
        Model or experiment, where code or settings of the rule differ between them.
    more
        Further entries by name: ``seed``, ``weights``, ``data``, ``device``.

    Raises
    ------
    MenagerieError
        As :func:`require` and :func:`unite`.
    """
    origins, rule = list(origins), recipe.rule
    require(recipe, origins)
    own = {"code": recipe.code, "config": value_fingerprint(recipe.settings)}
    own = {key: {rule: {part: value} if part else value} for key, value in own.items()}
    packages = {**recipe.versions, **versions(["menagerie"])}
    own["versions"] = {rule: {name: [found] for name, found in packages.items()}}
    wildcards = [f"{key}={value}" for key, value in sorted(snakemake.wildcards.items())]
    united = unite([*origins, (f"This job of {rule}", own | more)])
    return {"job": " ".join([snakemake.rule, *wildcards]), "made_from": recipe.fingerprint, **united}


def require(recipe: Recipe, origins: Iterable[Origin]) -> None:
    """Refuse files that were not made from the recipes that a job was planned with.

    Raises
    ------
    MenagerieError
        Naming the file, the recipe that it says it was made from, and what is expected.
    """
    expected = set(recipe.upstream.values())
    for name, provenance in origins:
        found = provenance.get("made_from")
        if found not in expected:
            raise MenagerieError(
                f"{name} was made from {f'recipe {found}' if found else 'an unknown recipe'}, expected "
                f"{', '.join(sorted(expected)) or 'none'}: it is left from other settings, code or data. Delete it and "
                "run the workflow again."
            )


def unite(origins: Iterable[Origin]) -> dict:
    """Provenance of several files in one; refuses files that do not belong together.

    Parameters
    ----------
    origins
        Name and provenance of each file.

    Returns
    -------
    dict
        Every entry of every file, without :data:`OWN`; lists hold all values that were found, sorted.

    Raises
    ------
    MenagerieError
        Naming the two files, the entry and both values; or the file without any.
    """
    united: dict[Path, object] = {}
    first: dict[Path, str] = {}
    for name, provenance in origins:
        if not (provenance and isinstance(provenance.get("code", {}), Mapping)):
            raise MenagerieError(
                f"{name} does not say what it was made from, as files of this workflow do: another program or an "
                "earlier version wrote it. Delete it and run the workflow again."
            )
        for path, value in _leaves(provenance):
            known = united.setdefault(path, value)
            first.setdefault(path, name)
            if isinstance(value, list) and isinstance(known, list):
                united[path] = sorted({*known, *value})
            elif value != known:
                raise _disagreement(path, (first[path], known), (name, value))
    return _nested(united)


def differences(provenance: Mapping) -> dict[str, dict[str, str]]:
    """What a report tells of united provenance: devices by rule, and packages of which there were several versions."""
    several = {
        f"{package} of {rule}": ", ".join(found)
        for rule, packages in provenance.get("versions", {}).items()
        for package, found in packages.items()
        if len(found) > 1
    }
    devices = {rule: ", ".join(found) for rule, found in provenance.get("device", {}).items()}
    return {"device": devices, "several versions": several}


def _leaves(tree: Mapping, above: Path = ()) -> Iterator[tuple[Path, object]]:
    for key, value in tree.items():
        path = (*above, str(key))
        if isinstance(value, Mapping):
            yield from _leaves(value, path)
        elif path[0] not in OWN:
            yield path, value


def _nested(leaves: Mapping[Path, object]) -> dict:
    tree: dict = {}
    for path, value in sorted(leaves.items()):
        branch = tree
        for key in path[:-1]:
            branch = branch.setdefault(key, {})
        branch[path[-1]] = value
    return tree


def _disagreement(path: Path, one: tuple[str, object], other: tuple[str, object]) -> MenagerieError:
    entry = f"{path[0]} ({'/'.join(path[1:])})" if path[1:] else path[0]
    (first, wanted), (second, found) = one, other
    return MenagerieError(
        f"{first} and {second} do not belong together: {entry} is {wanted} in the first and {found} in the second. "
        "Delete the one that is out of date (if in doubt, both) and run the workflow again."
    )
