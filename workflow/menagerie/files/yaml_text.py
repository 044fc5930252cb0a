"""YAML that people write, as plain data: with limits, and with the line of what is wrong.

The parser's events are turned into values one by one, so that neither deep nesting nor aliases of aliases can exhaust
the stack or the memory. What YAML reads otherwise than people mean is refused: keys that occur twice, keys that are
numbers or truth values (``on``, ``2024``), objects of Python, binary data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from menagerie.errors import MenagerieError

MOST_BYTES = 2**20
MOST_VALUES = 100_000  # after aliases are filled in
DEEPEST = 50
_PLAIN = {f"tag:yaml.org,2002:{name}": name for name in ("null", "bool", "int", "float", "str", "merge")}
_TEXT = "tag:yaml.org,2002:str"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class _Level:
    """A mapping or list that is being read."""

    value: dict | list
    line: int
    anchor: str | None
    size: int = 1
    key: object = None
    has_key: bool = False
    merged: list[dict] = field(default_factory=list)


class _Merge:
    """The key ``<<``."""


def read_yaml(path: str | Path, what: str, then: str) -> object:
    """Values of a YAML file: mappings with text as keys, lists, texts, numbers, truth values, None.

    Parameters
    ----------
    path
        The file.
    what
        What it is, for messages: ``Config config/mine.yaml``.
    then
        What to do about a slip, as a sentence.

    Raises
    ------
    MenagerieError
        When there is no such file, it is no text in UTF-8, no YAML, too large, or holds what is refused; with the line.
    """
    text = _text(Path(path), what, then)
    try:
        return _values(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise MenagerieError(f"{what}: expected YAML, found on {line}{' '.join(problem.split())}. {then}") from None
    except _Refused as error:
        raise MenagerieError(f"{what}, line {error.line + 1}: {error}. {then}") from None


def require_plain(values: object, what: str) -> None:
    """Refuse values that no file of plain data could hold: for configs that come from elsewhere than a file.

    Raises
    ------
    MenagerieError
        Naming the key with what is wrong: a key that is no text, a number that is not finite, nesting without end.
    """
    queue: list[tuple[str, object, int]] = [("", values, 0)]
    seen = 0
    while queue:
        key, value, depth = queue.pop()
        seen += 1
        where = f"{what} key {key}" if key else what
        if depth > DEEPEST or seen > MOST_VALUES:
            raise MenagerieError(f"{where}: found values nested without end, expected a flat config. Correct it.")
        if isinstance(value, Mapping):
            strange = next((name for name in value if not isinstance(name, str)), None)
            if strange is not None:
                raise MenagerieError(f"{where}: found the key {strange!r}, expected text as a key. Put it in quotes.")
            queue += [(f"{key}.{name}" if key else name, entry, depth + 1) for name, entry in value.items()]
        elif isinstance(value, list | tuple):
            queue += [(f"{key}[{number}]", entry, depth + 1) for number, entry in enumerate(value)]
        elif not isinstance(value, str | int | float | bool | None):
            found = type(value).__name__
            raise MenagerieError(f"{where}: found a {found}, expected text, a number, a list or keys. Correct it.")
        elif (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and abs(value) > 2**63):
            raise MenagerieError(f"{where}: found {str(value)[:20]}, expected a finite number. Correct it.")
        elif isinstance(value, str) and not value.isprintable() and any(ord(c) < 32 and c not in "\n\t" for c in value):
            raise MenagerieError(f"{where}: found control characters in {value!r:.60}, expected text. Correct it.")


class _Refused(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, line: int, message: str):
        super().__init__(message)
        self.line = line


def _text(path: Path, what: str, then: str) -> str:
    try:
        if not path.is_file():
            found = "a folder or a special file" if path.exists() else f"no such file (from {Path.cwd()})"
            raise MenagerieError(f"{what}: found {found}, expected a YAML file. {then}")
        if path.stat().st_size > MOST_BYTES:
            raise MenagerieError(
                f"{what}: found {path.stat().st_size:,} bytes, expected at most {MOST_BYTES:,}. {then}"
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MenagerieError(
            f"{what}: expected text in UTF-8, found another encoding at byte {error.start}. {then}"
        ) from None
    except (OSError, ValueError) as error:
        raise MenagerieError(f"{what} cannot be read: expected a YAML file, found {error}. {then}") from None


def _values(events: Iterator[yaml.Event]) -> object:
    root = _Level([], 0, None)
    levels, anchors = [root], {}
    for event in events:
        line = event.start_mark.line
        if isinstance(event, yaml.DocumentStartEvent) and root.value:
            raise _Refused(line, "found a second document, expected one")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(levels) > DEEPEST:
                raise _Refused(line, f"found more than {DEEPEST} levels, expected a flat file")
            _refuse_tag(event, line, ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"))
            empty = {} if isinstance(event, yaml.MappingStartEvent) else []
            levels.append(_Level(empty, line, event.anchor))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = levels.pop()
            if isinstance(done.value, dict):
                for other in done.merged:
                    done.value = {**other, **done.value}
            _add(levels[-1], done.value, done.size, done.line)
            if done.anchor:
                anchors[done.anchor] = (done.value, done.size)
        elif isinstance(event, yaml.ScalarEvent):
            value = _scalar(event, line, as_key=isinstance(levels[-1].value, dict) and not levels[-1].has_key)
            _add(levels[-1], value, 1, line)
            if event.anchor:
                anchors[event.anchor] = (value, 1)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise _Refused(line, f"the alias *{event.anchor} names nothing before it, or what it is part of")
            _add(levels[-1], *anchors[event.anchor], line)
    return root.value[0] if root.value else None


def _add(level: _Level, value: object, size: int, line: int) -> None:
    level.size += size
    if level.size > MOST_VALUES:
        raise _Refused(line, f"found more than {MOST_VALUES:,} values, expected fewer (aliases count each time)")
    if isinstance(level.value, list):
        level.value.append(value)
    elif not level.has_key:
        if isinstance(value, dict | list):
            raise _Refused(line, "found a list or a mapping as a key, expected text")
        if value is not _Merge and value in level.value:
            raise _Refused(line, f"the key '{value}' occurs twice, expected once: the first would be lost")
        level.key, level.has_key = value, True
    else:
        if level.key is _Merge:
            level.merged += [
                entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, dict)
            ]
        else:
            level.value[level.key] = value
        level.has_key = False


def _refuse_tag(event: yaml.Event, line: int, known: tuple[str, ...]) -> None:
    if event.tag and event.tag not in known:
        raise _Refused(line, f"found the tag {event.tag}, expected plain values")


def _scalar(event: yaml.ScalarEvent, line: int, as_key: bool) -> object:
    tag = event.tag or _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
    if tag == "tag:yaml.org,2002:timestamp":
        tag = _TEXT
    if tag not in _PLAIN:
        raise _Refused(line, f"found the tag {tag}, expected plain values")
    if _PLAIN[tag] == "merge":
        return _Merge if as_key else event.value
    try:
        value = _CONSTRUCTOR.construct_object(yaml.ScalarNode(tag, event.value))
    except (ValueError, yaml.YAMLError):
        raise _Refused(line, f"found {event.value[:40]!r}, expected a {_PLAIN[tag]}") from None
    finally:
        _CONSTRUCTOR.constructed_objects.clear()
    if as_key and not isinstance(value, str):
        raise _Refused(
            line, f"found the key {event.value}, which YAML reads as {value!r}, expected text: put it in quotes"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise _Refused(line, f"found {event.value}, expected a finite number")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**63:
        raise _Refused(line, f"found a whole number of {len(str(event.value))} digits, expected at most 19")
    if isinstance(value, str) and "\0" in value:
        raise _Refused(line, "found a NUL character in a text")
    return value


_RESOLVER, _CONSTRUCTOR = Resolver(), SafeConstructor()
