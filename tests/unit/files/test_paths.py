"""Paths in what is passed on."""

from __future__ import annotations

import pytest

from menagerie.files.paths import without_folders


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/data/my lab/nsd", "…/nsd"),
        ("~/nsd", "…/nsd"),
        ("~me/nsd", "…/nsd"),
        ("~ 3 million parameters", "~ 3 million parameters"),
        ("data/animals", "data/animals"),
        ("file:/my lab/me/net.pth", "file:…/net.pth"),
        ("python//my lab/net.py:make@/scratch/me/w.pth", "python/…/net.py:make@…/w.pth"),
        ("python//my lab/net.py:make:random", "python/…/net.py:make:random"),
        ("python/config/my_net.py:make", "python/config/my_net.py:make"),
        ("id\tfile:/my lab/a.pth\r\nb\t/x/y", "id\tfile:…/a.pth\r\nb\t…/y"),
        ("/data/a/b.npy: expected train/test", "…/b.npy: expected train/test"),
        ("read ~me/nsd/x.h5 twice", "read …/x.h5 twice"),
        ({"python//lab/net.py:f": ["blocks.0"]}, {"python/…/net.py:f": ["blocks.0"]}),
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
