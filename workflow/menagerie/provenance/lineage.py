"""What a file was made from: written into it, united where files are put together, refused where they disagree.

Provenance is a nested mapping. The type of a leaf says whether two files of one run may differ in it: texts and numbers
must be the same wherever they stand in both (code, config, weights, data, seed), lists are united (device, versions of
packages). What differs by nature stands under a name of its own: ``data`` by dataset and subject, ``weights`` by model.
``job`` names the one job that wrote the file and is not passed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from menagerie.errors import MenagerieError
from menagerie.provenance.code import value_fingerprint, versions

NOW = "the workflow as it is now"
PACKAGES = ("menagerie", "numpy", "scipy", "pyarrow", "h5py")
Origin = tuple[str, Mapping]  # name of a file, as a person is to read it, and its provenance
Path = tuple[str, ...]  # of a leaf


def record(
    snakemake: object,
    config: object = None,
    origins: Iterable[Origin] = (),
    *,
    part: str = "",
    packages: Iterable[str] = PACKAGES,
    **more: object,
) -> dict:
    """Provenance of what a job writes: its own, and that of everything it read.

    Parameters
    ----------
    snakemake
        The object of that name in a script: rule, wildcards, and the code fingerprint among the params.
    config
        Settings that the result depends on; their fingerprint is kept.
    origins
        Name and provenance of every file that was read.
    part
        Model or experiment, where code or settings of the rule differ between them.
    packages
        Packages whose versions are kept.
    more
        Further entries by name: ``seed``, ``weights``, ``data``, ``device``.

    Raises
    ------
    MenagerieError
        As :func:`unite`.
    """
    rule = snakemake.rule
    own = made(rule, snakemake.params.code, config, part)
    own["versions"] = {rule: {name: [found] for name, found in versions(packages).items()}}
    wildcards = [f"{key}={value}" for key, value in sorted(snakemake.wildcards.items())]
    return {"job": " ".join([rule, *wildcards]), **unite([*origins, (f"This job of {rule}", own | more)])}


def made(rule: str, code: str, config: object = None, part: str = "") -> dict:
    """The entries that tell how a job of this rule works: fingerprints of its code and, where it has any, its settings.

    A ``part`` is a model or an experiment whose jobs work otherwise than others of the rule.
    """
    entries = {"code": code} | ({} if config is None else {"config": value_fingerprint(config)})
    return {key: {rule: {part: value} if part else value} for key, value in entries.items()}


def unite(origins: Iterable[Origin]) -> dict:
    """Provenance of several files in one; refuses files that do not belong together.

    Parameters
    ----------
    origins
        Name and provenance of each file; :data:`NOW`, which stands first, is the name of what all must agree with:
        code and settings of the present.

    Returns
    -------
    dict
        Every entry of every file, without ``job``; lists hold all values that were found, sorted.

    Raises
    ------
    MenagerieError
        Naming the two files (or the file that is out of date), the entry and both values; or the file without any.
    """
    united: dict[Path, object] = {}
    first: dict[Path, str] = {}
    for name, provenance in origins:
        if name != NOW and not (provenance and isinstance(provenance.get("code", {}), Mapping)):
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
        elif path != ("job",):
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
    if first == NOW:
        return MenagerieError(
            f"{second} was made with {entry} {found}, but {wanted} is wanted now: it is left from other settings, code "
            "or data. Delete it and run the workflow again."
        )
    return MenagerieError(
        f"{first} and {second} do not belong together: {entry} is {wanted} in the first and {found} in the second. "
        "Delete the one that is out of date (if in doubt, both) and run the workflow again."
    )
