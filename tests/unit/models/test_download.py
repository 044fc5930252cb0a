import http.server
import threading

import pytest

from menagerie.errors import MenagerieError
from menagerie.models.download import download, hub_url

CONTENT = bytes(range(256)) * 400


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; a path says how it behaves."""

    asked: list[tuple[str, str | None]]
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.asked.append((self.path, wanted))
        if self.path == "/none":
            return self.send_error(404)
        if self.path == "/busy" and len(self.asked) < 3:
            return self.send_error(503)
        body = b"<!DOCTYPE html><p>Log in" if self.path == "/page" else CONTENT
        start = int(wanted[6:-1]) if wanted and self.path != "/norange" else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        # A server that drops its first connection after a third.
        stop = len(body) // 3 if self.path in ("/drop", "/norange") and len(self.asked) == 1 else len(body)
        self.wfile.write(body[start:stop])
        return None

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (Server,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", handler.asked
        listening.shutdown()


def fetch(address, path, **keywords):
    return download(address, path, pause=0, timeout=10, **keywords)


def test_a_file_arrives_whole(tmp_path, server):
    address, asked = server
    path = fetch(f"{address}/file", tmp_path / "new/file.pth")
    assert path.read_bytes() == CONTENT and len(asked) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["file.pth"]


def test_a_broken_download_goes_on_where_it_stopped(tmp_path, server):
    address, asked = server
    assert fetch(f"{address}/drop", tmp_path / "file").read_bytes() == CONTENT
    assert asked == [("/drop", None), ("/drop", f"bytes={len(CONTENT) // 3}-")]


def test_the_next_run_goes_on_too(tmp_path, server):
    address, asked = server
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    assert fetch(f"{address}/file", tmp_path / "file").read_bytes() == CONTENT
    assert asked == [("/file", "bytes=1000-")]


def test_servers_that_cannot_go_on_start_again(tmp_path, server):
    address, asked = server
    assert fetch(f"{address}/norange", tmp_path / "file").read_bytes() == CONTENT
    assert len(asked) == 2


def test_a_part_that_is_too_long_is_thrown_away(tmp_path, server):
    address, asked = server
    (tmp_path / "file.part").write_bytes(CONTENT + b"more")
    assert fetch(f"{address}/file", tmp_path / "file").read_bytes() == CONTENT
    assert len(asked) == 2


def test_busy_servers_are_asked_again(tmp_path, server):
    address, asked = server
    assert fetch(f"{address}/busy", tmp_path / "file").read_bytes() == CONTENT
    assert len(asked) == 3
    asked.clear()
    with pytest.raises(MenagerieError, match=r"answered 503.*\(tries: 2\)"):
        fetch(f"{address}/busy", tmp_path / "other", attempts=2)


def test_a_missing_file_is_asked_for_once(tmp_path, server):
    address, asked = server
    with pytest.raises(MenagerieError, match=r"/none could not be downloaded: the server answered 404.*mirror folder"):
        fetch(f"{address}/none", tmp_path / "file")
    assert len(asked) == 1 and not list(tmp_path.iterdir())


def test_a_web_page_is_refused(tmp_path, server):
    with pytest.raises(MenagerieError, match="a web page instead of a file"):
        fetch(f"{server[0]}/page", tmp_path / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "no-such-scheme://x/y", "http://name.invalid/x"])
def test_dead_addresses_are_named(tmp_path, address):
    with pytest.raises(MenagerieError, match="could not be downloaded"):
        fetch(address, tmp_path / "file", attempts=2)


def test_addresses_on_the_hub(monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert hub_url("timm/x.a1_in1k").endswith("/timm/x.a1_in1k/resolve/main/model.safetensors")
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror/")
    assert hub_url("a/b@v2#c/d.bin") == "http://mirror/a/b/resolve/v2/c/d.bin"
