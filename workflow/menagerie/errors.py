"""The one exception that users are meant to read."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class MenagerieError(Exception):
    """A problem that the user can mend.

    The message says where (file or key), what was found, what was expected, and what to do.
    Scripts print it without a traceback.
    """


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
