"""Captions: the small part of reStructuredText that our caption files use, as HTML.

The same files serve as captions of Snakemake's own report, which is why they are not written in HTML.
"""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup, escape

from menagerie.errors import MenagerieError

_INLINE = re.compile(r"``(?P<code>[^`]+)``|\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>[^*]+)\*")


def caption_html(text: str) -> Markup:
    """Paragraphs with ``*emphasis*``, ``**strong**`` and ````code````; everything else is plain text."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    return Markup("\n").join(Markup("<p>{}</p>").format(_inline(paragraph)) for paragraph in paragraphs)


def read_caption(path: str | Path) -> Markup:
    """Caption file as HTML.

    Raises
    ------
    MenagerieError
        When the file is missing.
    """
    try:
        return caption_html(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise MenagerieError(f"Caption {path} cannot be read ({error}).") from error


def _inline(text: str) -> Markup:
    parts, end = [], 0
    for match in _INLINE.finditer(text):
        parts.append(escape(text[end : match.start()]))
        tag = match.lastgroup
        parts.append(Markup("<{0}>{1}</{0}>").format(Markup(tag), match.group(tag)))
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])
