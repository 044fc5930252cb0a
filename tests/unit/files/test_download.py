"""The downloader against a real server on this machine, which misbehaves as its paths say."""

import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from menagerie.errors import MenagerieError
from menagerie.files.download import Patience, check_file, download
from menagerie.files.storage import atomic
from menagerie.files.web import DownloadError, checked_url, read_range, read_text

OLD, NEW = bytes(range(256)) * 400, bytes(reversed(range(256))) * 400
SHA256 = hashlib.sha256(OLD).hexdigest()
QUICK = Patience(pause=0, timeout=5)
THIRD = len(OLD) // 3


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one file in the version ``served["content"]``; words in the path say how it behaves."""

    asked: list[tuple[str, str | None]]
    served: dict

    def do_GET(self):
        words, number = self.path.strip("/").split("-"), len(self.asked)
        self.asked.append((self.path, self.headers.get("Range")))
        if "none" in words:
            return self.send_error(404)
        if "busy" in words and number < 2:
            return self.send_error(503)
        if "silent" in words:
            time.sleep(1)
        content = b"<!DOCTYPE html><p>Log in" if "page" in words else self.served["content"]
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        start = self.start(words, etag)
        if start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if "noetag" not in words:
            self.send_header("ETag", f"W/{etag}" if "weak" in words else etag)
        if start and "norange" not in words:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if "nolength" not in words:
            self.send_header("Content-Length", str(len(content) - start + ("long" in words)))
        self.end_headers()
        cut = {"drop": number == 0, "dropall": True}
        stop = start + THIRD if any(cut.get(word) for word in words) else len(content)
        self.wfile.write(content[start:stop])
        if "reupload" in words:
            self.served["content"] = NEW
        if "stall" in words and number == 0:
            self.wfile.flush()
            self.served["stalled"].set()
            self.served["go on"].wait(20)
        return None

    def start(self, words, etag):
        """First byte to send: as asked, unless the version is another one or the server cannot send parts."""
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        if not wanted or "whole" in words:
            return 0
        if condition not in (None, etag) and "heedless" not in words:
            return 0
        return int(wanted[6:].partition("-")[0])

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def server():
    served = {"content": OLD, "stalled": threading.Event(), "go on": threading.Event()}
    handler = type("Handler", (Server,), {"asked": [], "served": served})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        handler.address = f"http://127.0.0.1:{listening.server_port}"
        yield handler
        served["go on"].set()
        listening.shutdown()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_and_nothing_else_is_left(tmp_path, server):
    path = download(f"{server.address}/file", tmp_path / "new/file.pth", patience=QUICK)
    assert path.read_bytes() == OLD and len(server.asked) == 1 and names(path.parent) == ["file.pth"]


@pytest.mark.parametrize(
    ("words", "second"),
    [
        ("drop", f"bytes={THIRD}-"),
        ("drop-weak", None),  # a weak ETag does not promise the same bytes
        ("drop-noetag", None),
        ("drop-whole", f"bytes={THIRD}-"),  # the server ignores Range
    ],
)
def test_a_broken_download_goes_on_if_the_server_names_versions(tmp_path, server, words, second):
    download(f"{server.address}/{words}", tmp_path / "file", patience=QUICK)
    assert (tmp_path / "file").read_bytes() == OLD
    assert [wanted for _, wanted in server.asked] == [None, second]
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "words", ["drop-reupload", "drop-reupload-heedless", "drop-reupload-noetag", "drop-reupload-weak"]
)
@pytest.mark.parametrize("again", [False, True])
def test_two_versions_of_the_same_size_are_never_joined(tmp_path, server, words, again):
    """The file is replaced after a third of it has come: by one of the same size, in the same or between two runs."""
    url = f"{server.address}/{words}"
    if again:
        with pytest.raises(DownloadError, match="ended after"):
            download(url, tmp_path / "file", patience=Patience(attempts=1))
        assert not (tmp_path / "file").exists()
    download(url, tmp_path / "file", patience=QUICK)
    assert (tmp_path / "file").read_bytes() == NEW
    assert names(tmp_path) == ["file"]


def test_the_next_run_goes_on_where_this_one_stopped(tmp_path, server):
    with pytest.raises(DownloadError, match=rf"ended after {THIRD} of {len(OLD)} bytes \(tries: 1\)"):
        download(f"{server.address}/drop", tmp_path / "file", patience=Patience(attempts=1))
    assert names(tmp_path) == [".file.part", ".file.part.json"]
    assert download(f"{server.address}/drop", tmp_path / "file", patience=QUICK).read_bytes() == OLD
    assert server.asked[-1][1] == f"bytes={THIRD}-" and names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "note", ["", "{", '{"url": "http://other", "etag": "x", "total": 9}', '{"etag": "x"}', "[]", "null"]
)
def test_a_part_of_unknown_origin_is_not_used(tmp_path, server, note):
    (tmp_path / ".file.part").write_bytes(b"\0" * 1000)
    (tmp_path / ".file.part.json").write_text(note)
    assert download(f"{server.address}/file", tmp_path / "file", patience=QUICK).read_bytes() == OLD
    assert names(tmp_path) == ["file"]


def test_a_complete_part_is_not_fetched_again(tmp_path, server):
    url = f"{server.address}/file"
    (tmp_path / ".file.part").write_bytes(OLD)
    (tmp_path / ".file.part.json").write_text(json.dumps({"url": url, "etag": "x", "total": len(OLD)}))
    assert download(url, tmp_path / "file", patience=QUICK).read_bytes() == OLD and not server.asked


def test_a_part_that_is_too_long_is_thrown_away(tmp_path, server):
    url = f"{server.address}/file"
    (tmp_path / ".file.part").write_bytes(OLD + b"more")
    etag = hashlib.md5(OLD).hexdigest()
    (tmp_path / ".file.part.json").write_text(json.dumps({"url": url, "etag": etag, "total": len(OLD)}))
    assert download(url, tmp_path / "file", patience=QUICK).read_bytes() == OLD
    assert [wanted for _, wanted in server.asked] == [f"bytes={len(OLD) + 4}-", None]


def test_a_damaged_part_is_fetched_once_more_from_the_start(tmp_path, server):
    url = f"{server.address}/file"
    (tmp_path / ".file.part").write_bytes(b"\0" * THIRD)
    etag = hashlib.md5(OLD).hexdigest()
    (tmp_path / ".file.part.json").write_text(json.dumps({"url": url, "etag": etag, "total": len(OLD)}))
    assert download(url, tmp_path / "file", sha256=SHA256, patience=QUICK).read_bytes() == OLD
    assert [wanted for _, wanted in server.asked] == [f"bytes={THIRD}-", None]


def test_another_file_than_expected_is_not_kept(tmp_path, server):
    with pytest.raises(MenagerieError, match=rf"expected SHA-256 {'0' * 64}, found {SHA256}"):
        download(f"{server.address}/file", tmp_path / "file", sha256="0" * 64, patience=QUICK)
    with pytest.raises(DownloadError, match=f"announces {len(OLD)} bytes, expected 7"):
        download(f"{server.address}/file", tmp_path / "file", n_bytes=7, patience=QUICK)
    with pytest.raises(DownloadError, match=r"has version \w+, expected another"):
        download(f"{server.address}/file", tmp_path / "file", etag="another", patience=QUICK)

    def refuse(path):
        raise MenagerieError(f"{path.stat().st_size} bytes are not what was wanted")

    with pytest.raises(MenagerieError, match=f"{len(OLD)} bytes are not what was wanted"):
        download(f"{server.address}/file", tmp_path / "file", check=refuse, patience=QUICK)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "message", "tries"),
    [
        ("none", "the server answered 404", 1),
        ("page", "found a web page", 1),
        ("long", f"ended after {len(OLD)} of {len(OLD) + 1} bytes", 3),
        ("dropall-noetag", "ended after", 3),
        ("nolength-noetag", "does not tell the length", 1),
        ("silent", "timed out", 3),
    ],
)
def test_what_cannot_be_had_is_told(tmp_path, server, words, message, tries):
    with pytest.raises(DownloadError, match=message):
        download(f"{server.address}/{words}", tmp_path / "file", patience=Patience(3, 0, 0.2))
    assert not (tmp_path / "file").exists() and len(server.asked) == tries
    assert not [name for name in names(tmp_path) if "noetag" in words or name == "file"]


def test_a_file_without_length_is_taken_if_its_hash_is_known(tmp_path, server):
    url = f"{server.address}/nolength-noetag"
    assert download(url, tmp_path / "file", sha256=SHA256, patience=QUICK).read_bytes() == OLD


def test_busy_servers_are_asked_again(tmp_path, server):
    assert download(f"{server.address}/busy", tmp_path / "file", patience=QUICK).read_bytes() == OLD
    assert len(server.asked) == 3


def test_tries_that_bring_something_are_not_in_vain(tmp_path, server, monkeypatch):
    monkeypatch.setattr("menagerie.files.web._PROGRESS", THIRD)
    download(f"{server.address}/dropall", tmp_path / "file", patience=Patience(2, 0, 5))
    assert (tmp_path / "file").read_bytes() == OLD and len(server.asked) == 4


def test_files_that_are_there_are_not_overwritten(tmp_path, server):
    mine = tmp_path / "file"
    mine.write_bytes(b"mine")
    for expected in ({}, {"sha256": SHA256}, {"n_bytes": 3}):
        with pytest.raises(MenagerieError, match=r"file: (found a file|expected SHA-256)"):
            download(f"{server.address}/file", mine, patience=QUICK, **expected)
    assert mine.read_bytes() == b"mine" and names(tmp_path) == ["file"] and not server.asked
    mine.write_bytes(OLD)
    assert download(f"{server.address}/file", mine, sha256=SHA256[:12]) == mine and not server.asked
    mine.write_bytes(b"ours")
    assert download(f"{server.address}/file", mine, replace=True, patience=QUICK).read_bytes() == OLD


CHILD = """
    import sys
    from menagerie.files.download import download
    download(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("words", ["drop-stall", "drop-stall-noetag"])
def test_a_process_that_is_ended(tmp_path, server, how, words):
    """What it leaves is either nothing or a part that the next run goes on with."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "workflow")}
    command = [sys.executable, "-c", textwrap.dedent(CHILD), f"{server.address}/{words}", str(tmp_path / "file")]
    # Shells start jobs in the background with SIGINT ignored, which a child would inherit.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    child = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, preexec_fn=heed)
    assert server.served["stalled"].wait(30)
    deadline = time.monotonic() + 10
    while not (tmp_path / ".file.part").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(how)
    assert child.wait(20) == {signal.SIGTERM: 143, signal.SIGINT: -2, signal.SIGKILL: -9}[how]
    if how != signal.SIGKILL:
        assert names(tmp_path) == ([] if "noetag" in words else [".file.part", ".file.part.json"])
    server.served["go on"].set()
    server.served["content"] = NEW if how == signal.SIGKILL else OLD
    download(f"{server.address}/{words}", tmp_path / "file", patience=QUICK)
    assert (tmp_path / "file").read_bytes() == server.served["content"] and names(tmp_path) == ["file"]


def test_two_processes_do_not_write_one_part(tmp_path, server):
    url, results = f"{server.address}/drop-stall", []

    def fetch():
        results.append(download(url, tmp_path / "file", sha256=SHA256, patience=QUICK).read_bytes())

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert server.served["stalled"].wait(10)
    time.sleep(0.2)
    server.served["go on"].set()
    for thread in threads:
        thread.join(30)
    assert results == [OLD] * 3 and names(tmp_path) == ["file"]
    assert [path for path, _ in server.asked] == ["/drop-stall"] * 2  # the others found the file


def test_sigterm_leaves_no_half_written_file(tmp_path):
    code = f"""
        import os, signal, pathlib
        from menagerie.files.storage import atomic
        with atomic({str(tmp_path / "x")!r}) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGTERM)
            temporary.write_text("more")
    """
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "workflow")}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=environment, check=False)
    assert done.returncode == 143 and names(tmp_path) == []
    with atomic(tmp_path / "x") as temporary:
        temporary.write_text("all")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and names(tmp_path) == ["x"]


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/x",
        "http://name.invalid/x",
        "no-such-scheme://x/y",
        "file:///etc/passwd",
        "ftp://x/y",
        "x",
        "",
    ],
)
def test_dead_addresses_are_named(tmp_path, address):
    with pytest.raises(DownloadError, match="could not be downloaded"):
        download(address, tmp_path / "file", patience=Patience(2, 0, 2))
    assert names(tmp_path) == []


def test_redirects_lead_to_the_web_only(tmp_path, server):
    (tmp_path / "secret").write_bytes(b"secret")

    class Redirect(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header(
                "Location", server.address + "/file" if self.path == "/good" else f"file://{tmp_path}/secret"
            )
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{listening.server_port}"
        assert download(f"{address}/good", tmp_path / "file", patience=QUICK).read_bytes() == OLD
        with pytest.raises(DownloadError):
            download(f"{address}/bad", tmp_path / "other", patience=Patience(1, 0, 2))
        listening.shutdown()
    assert names(tmp_path) == ["file", "secret"]


def test_proxies_of_the_environment_are_used(tmp_path, server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address)
    monkeypatch.delenv("no_proxy", raising=False)
    download("http://name.invalid/file", tmp_path / "file", patience=QUICK)
    assert server.asked == [("http://name.invalid/file", None)]


def test_addresses_are_quoted_once(server):
    assert checked_url("http://h/a b/ü%20x?q=1#f") == "http://h/a%20b/%C3%BC%20x?q=1#f"


def test_ranges_and_texts(server):
    etag = hashlib.md5(OLD).hexdigest()
    assert read_range(f"{server.address}/file", 10, len(OLD) - 10, etag, QUICK) == OLD[10:]
    for words in ("whole", "norange"):
        with pytest.raises(DownloadError, match="another part"):
            read_range(f"{server.address}/{words}", 10, 5, etag, QUICK)
    with pytest.raises(DownloadError, match="another version"):
        read_range(f"{server.address}/heedless", 10, 5, "another", QUICK)
    assert read_text(f"{server.address}/page", patience=QUICK).startswith("<!DOCTYPE")
    with pytest.raises(DownloadError, match="more than 10 bytes"):
        read_text(f"{server.address}/page", 10, QUICK)


def test_a_full_disk_is_named(tmp_path, server, monkeypatch):
    opened = Path.open

    def full(self, mode="r", *arguments, **keywords):
        if mode == "ab":
            raise OSError(28, "No space left on device")
        return opened(self, mode, *arguments, **keywords)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(MenagerieError, match=r"\.file\.part cannot be written: No space left on device.*Make room"):
        download(f"{server.address}/file", tmp_path / "file", patience=QUICK)


def test_local_copies_are_checked_and_left_alone(tmp_path):
    with pytest.raises(MenagerieError, match="does not exist"):
        check_file(tmp_path / "x")
    (tmp_path / "x").write_bytes(OLD)
    check_file(tmp_path / "x", n_bytes=len(OLD), sha256=SHA256)
    for expected, message in (({"n_bytes": 1}, "expected 1 bytes"), ({"sha256": "0" * 8}, "expected SHA-256 00000000")):
        with pytest.raises(MenagerieError, match=message):
            check_file(tmp_path / "x", **expected)
    assert (tmp_path / "x").read_bytes() == OLD
