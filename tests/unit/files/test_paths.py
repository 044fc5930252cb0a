"""Paths in what is passed on."""

from __future__ import annotations

import pytest

from menagerie.files.paths import without_folders


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/data/my lab/nsd", "…/nsd"),
        ("~/nsd", "…/nsd"),
        ("data/animals", "data/animals"),
        ("file:/scratch/me/net.pth", "file:…/net.pth"),
        ("url:https://host.org/a/b.pth", "url:https://host.org/a/b.pth"),
        ("Note: /data/me/anna/responses.npy: by order", "Note: …/responses.npy: by order"),
        ("'/data/me/a.npy' and (/data/b/c.npy)", "'…/a.npy' and (…/c.npy)"),
        ("3/4 and/or 1/2", "3/4 and/or 1/2"),
        (3.5, 3.5),
        (None, None),
        ({"a": ["/x/y", 1], "b": {"c": "/x/z"}}, {"a": ["…/y", 1], "b": {"c": "…/z"}}),
    ],
)
def test_absolute_paths_keep_their_names(value, expected):
    assert without_folders(value) == expected
