"""The one exception that users are meant to read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 2000  # characters of a message: about a screen
_KEPT = "\n\t\u200c\u200d"  # the last two join letters in names
_CONTROL = ("Cc", "Cf", "Cs", "Zl", "Zp")


def on_screen(text: str, longest: int = LONGEST) -> str:
    """Text that is safe to print: control characters (ANSI escapes, bidi) escaped, and cut in its middle."""
    if len(text) > longest:
        begin, end = longest * 3 // 5, longest * 3 // 10
        text = f"{text[:begin]} [... {len(text) - begin - end:,} characters ...] {text[-end:]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _CONTROL and c not in _KEPT else c for c in text)


def _escaped(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode() if character > "\x7f" else f"\\x{ord(character):02x}"


class MenagerieError(Exception):
    """A problem that the user can fix.

    The message says where (file or key), what was found, what was expected, and what to do.
    Scripts print it without a traceback; what it quotes from files is made safe to print (:func:`on_screen`).
    """

    def __init__(self, message: str = ""):
        super().__init__(on_screen(str(message)))


def unknown(what: str, given: str, known: Iterable[str]) -> MenagerieError:
    """Error for a name that is not among the known ones, with the nearest of them.

    Parameters
    ----------
    what
        What the name stands for, and where it was given: ``"metric in config key metrics"``.
    given
        The name as the user wrote it.
    known
        Every name that would have been right.
    """
    names = sorted(filter(None, map(str, known)))
    nearest = get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f" Did you mean '{nearest[0]}'?" if nearest else " Choose one of the known."
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    return MenagerieError(f"Unknown {what}: '{given}'.{hint} Known: {shown or 'none'}.")
