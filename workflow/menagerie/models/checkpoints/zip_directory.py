"""The directory of a zip file that ``torch.save`` wrote, read once and strictly.

A zip file can have two directories that name different contents, and can hide another file before, between or behind
its entries; which of them a reader sees differs between readers. Here there is one reader, and every byte of the file
belongs to exactly one entry, the directory, or the end records (PKWARE's APPNOTE 6.3, sections 4.3.7 to 4.3.16).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from menagerie.models.checkpoints.problems import DamagedError, LayoutError, RefusedError

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_DESCRIPTORS = {16: struct.Struct("<4s3I"), 24: struct.Struct("<4sI2Q")}
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ZIP64 = 1  # tag of the extra field with 64-bit sizes
# Sizes behind the data instead of before them, and names in UTF-8; anything else, such as encryption, is refused.
_DESCRIPTOR_FLAG, _KNOWN_FLAGS = 0x8, 0x808


@dataclass(frozen=True)
class Entry:
    """One stored entry: where its bytes start in the file, how many they are, and their CRC-32."""

    name: str
    start: int
    size: int
    crc: int


@dataclass(frozen=True)
class _Listed:
    """An entry as the central directory tells it."""

    name: bytes
    flags: int
    method: int
    crc: int
    size: int
    packed: int
    header: int


def read_directory(file: BinaryIO, n_bytes: int) -> dict[str, Entry]:
    """Entries of a zip file of ``n_bytes`` by name.

    Raises
    ------
    DamagedError
        When there is no directory at the file's end, or it contradicts the file.
    LayoutError
        When entries are compressed, or bytes belong to no entry.
    RefusedError
        When the entries are those of a TorchScript program.
    """
    start, end, count = _end_records(file, n_bytes)
    listed = _central(_at(file, start, end - start, n_bytes), count)
    if not listed:
        raise DamagedError("an empty zip file")
    if any(item.name.endswith(b"/constants.pkl") or b"/code/" in item.name for item in listed):
        raise RefusedError("it is a TorchScript program")
    entries: dict[str, Entry] = {}
    position = 0
    for item, following in zip(listed, [*(item.header for item in listed[1:]), start], strict=True):
        if item.header != position:
            raise LayoutError(f"a zip file with bytes that belong to no entry, or to two, at byte {position}")
        entry = _entry(file, item, following, n_bytes)
        if entry.name in entries:
            raise LayoutError(f"a zip file with two entries called {entry.name!r:.60}")
        entries[entry.name], position = entry, following
    return entries


def read_entry(file: BinaryIO, entry: Entry) -> bytearray:
    """Bytes of an entry.

    Raises
    ------
    DamagedError
        When they are not those that were stored.
    """
    content = bytearray(entry.size)
    file.seek(entry.start)
    if file.readinto(content) != entry.size:
        raise DamagedError(f"entry {entry.name} ends early")
    # torch writes 0 where it was told not to compute checksums (torch.serialization.set_crc32_options).
    if entry.crc and zlib.crc32(content) != entry.crc:
        raise DamagedError(f"entry {entry.name} has another checksum than was stored with it")
    return content


def _at(file: BinaryIO, start: int, length: int, n_bytes: int) -> bytes:
    if start < 0 or length < 0 or start + length > n_bytes:
        raise DamagedError("its zip directory points outside of the file")
    file.seek(start)
    content = file.read(length)
    if len(content) != length:
        raise DamagedError("it ends early")
    return content


def _end_records(file: BinaryIO, n_bytes: int) -> tuple[int, int, int]:
    """Where the central directory starts and ends, and how many entries it has."""
    place = n_bytes - _END.size
    signature, *disks, here, count, size, start, comment = _END.unpack(_at(file, place, _END.size, n_bytes))
    if signature != b"PK\5\6" or comment:
        raise DamagedError("a zip file without its directory at the end")
    if any(disks) or here != count:
        raise LayoutError("a zip file in several parts")
    end = place
    if place >= _LOCATOR.size + _END64.size:
        located = _LOCATOR.unpack(_at(file, place - _LOCATOR.size, _LOCATOR.size, n_bytes))
        if located[0] == b"PK\6\7":
            end = place - _LOCATOR.size - _END64.size
            short = (count, size, start)
            count, size, start = _end64(_at(file, end, _END64.size, n_bytes), located, end)
            full = (_FULL16, _FULL32, _FULL32)
            if any(a not in (b, c) for a, b, c in zip(short, (count, size, start), full, strict=True)):
                raise LayoutError("a zip file with two directories")
    if start + size != end:
        raise LayoutError("a zip file whose directory does not end where its end records start")
    return start, end, count


def _end64(record: bytes, located: tuple, place: int) -> tuple[int, int, int]:
    signature, length, _, _, disk, start_disk, here, count, size, start = _END64.unpack(record)
    if signature != b"PK\6\6" or length != _END64.size - 12 or located[1:] != (0, place, 1):
        raise LayoutError("a zip file with end records that do not belong together")
    if disk or start_disk or here != count:
        raise LayoutError("a zip file in several parts")
    return count, size, start


def _central(content: bytes, count: int) -> list[_Listed]:
    """What the central directory lists, in the order of the file."""
    listed, position = [], 0
    for _ in range(count):
        if position + _CENTRAL.size > len(content):
            raise DamagedError("a zip directory with fewer entries than it counts")
        (signature, _, _, flags, method, _, _, crc, packed, size, n_name, n_extra, n_comment, disk, _, _, header) = (
            _CENTRAL.unpack_from(content, position)
        )
        name_end = position + _CENTRAL.size + n_name
        extra = content[name_end : name_end + n_extra]
        if signature != b"PK\1\2" or disk or n_comment or len(extra) != n_extra:
            raise DamagedError("a zip directory with an entry of another form")
        size, packed, header = _long_sizes(extra, size, packed, header)
        if flags & ~_KNOWN_FLAGS:
            raise LayoutError("a zip file with entries of an unknown kind (encrypted?)")
        name = content[position + _CENTRAL.size : name_end]
        listed.append(_Listed(name, flags, method, crc, size, packed, header))
        position = name_end + n_extra
    if position != len(content):
        raise DamagedError("a zip directory with more entries than it counts")
    return sorted(listed, key=lambda item: item.header)


def _long_sizes(extra: bytes, *values: int) -> list[int]:
    """The sizes, those too large for 32 bits from the extra field."""
    wide = [number for number, value in enumerate(values) if value == _FULL32]
    found, position = list(values), 0
    while wide and position + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if tag == _ZIP64 and length >= 8 * len(wide) and position + length <= len(extra):
            for number, value in zip(wide, struct.unpack_from(f"<{len(wide)}Q", extra, position), strict=True):
                found[number] = value
            return found
        position += length
    if wide:
        raise DamagedError("a zip directory without the sizes of a large entry")
    return found


def _entry(file: BinaryIO, item: _Listed, following: int, n_bytes: int) -> Entry:
    """The entry behind its local header, which must say the same as the directory."""
    if item.method or item.packed != item.size:
        raise LayoutError("a zip file with compressed entries")
    fixed = _LOCAL.unpack(_at(file, item.header, _LOCAL.size, n_bytes))
    signature, _, flags, method, _, _, crc, packed, size, n_name, n_extra = fixed
    name = _at(file, item.header + _LOCAL.size, n_name, n_bytes)
    start = item.header + _LOCAL.size + n_name + n_extra
    if signature != b"PK\3\4" or (name, flags, method) != (item.name, item.flags, item.method):
        raise LayoutError("a zip file whose directory and entries contradict each other")
    # Sizes that are too large for 32 bits stand in the extra field; those of the directory count.
    told = (crc, *(item.size if value == _FULL32 else value for value in (packed, size)))
    if not flags & _DESCRIPTOR_FLAG and told != (item.crc, item.size, item.size):
        raise LayoutError("a zip file whose directory and entries contradict each other")
    behind = following - start - item.size
    if flags & _DESCRIPTOR_FLAG and behind in _DESCRIPTORS:
        told = _DESCRIPTORS[behind].unpack(_at(file, following - behind, behind, n_bytes))
        if told != (b"PK\7\x08", item.crc, item.size, item.size):
            raise LayoutError("a zip file whose directory and entries contradict each other")
    elif behind:
        raise LayoutError(f"a zip file with bytes that belong to no entry, or to two, at byte {following}")
    try:
        return Entry(name.decode(), start, item.size, item.crc)
    except UnicodeDecodeError:
        raise DamagedError("a zip file with an entry whose name is no text") from None
