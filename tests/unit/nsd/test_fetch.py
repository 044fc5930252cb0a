"""Fetching from a real S3 server on this machine (moto's server mode), which holds the small twin."""

import json
from pathlib import Path

import numpy as np
import pytest

from menagerie.brain.fetching import bucket as module_bucket
from menagerie.brain.fetching.bucket import Bucket, Remote, check_file
from menagerie.brain.fetching.copies import NOTE
from menagerie.brain.nsd.fetch_nsd import BUCKET, Wanted, fetch, main, make_plan, nsd_bucket
from menagerie.brain.nsd.layout import Layout
from menagerie.brain.readers import nsd
from menagerie.errors import MenagerieError
from menagerie.files import download

boto3 = pytest.importorskip("boto3", reason="comes with moto")
moto_server = pytest.importorskip("moto.server", reason="moto is not installed")

SESSION = "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR/betas_session01.hdf5"


@pytest.fixture(scope="module")
def server(twin):
    """Endpoint of a server with the twin in the bucket, session 2 of subj02 held out."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-2", aws_access_key_id="x", aws_secret_access_key="x"
    )
    client.create_bucket(
        Bucket=BUCKET, ACL="public-read", CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20)
    for path in sorted(p for p in twin.rglob("*") if p.is_file()):
        key = path.relative_to(twin).as_posix()
        if "subj02" not in key or "session02" not in key:
            client.upload_file(str(path), BUCKET, key, Config=config, ExtraArgs={"ACL": "public-read"})
    yield endpoint
    server.stop()


@pytest.fixture
def bucket(server):
    return nsd_bucket(server)


def snapshot(root: Path) -> dict:
    return {p.relative_to(root).as_posix(): p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}


def test_fetches_what_is_needed_and_the_reader_reads_it(bucket, server, twin, tmp_path, stimuli):
    root = tmp_path / "nsd"
    wanted = Wanted(["subj01", "subj02"])
    plan = make_plan(bucket, root, wanted)
    text = plan.text()
    assert "betas, 3 sessions" in text and "photographs, 40" in text
    assert plan.absent_sessions == ["subj02/func1pt8mm/betas_fithrf_GLMdenoise_RR/betas_session02.hdf5"]
    assert not (root / SESSION).exists()  # sizes are told before anything large travels
    note = json.loads(fetch(bucket, root, plan, say=lambda _: None).read_text())
    assert {entry["check"] for entry in note["files"].values()} == {"md5"}
    for key in note["files"]:
        assert (root / key).read_bytes() == (twin / key).read_bytes()
    inputs = {"nsd": root / "fetched.json"}
    target = nsd.read_target("nsd", "subj01", options={}, inputs=inputs, stimuli=stimuli)
    expected = nsd.read_target("nsd", "subj01", options={"nsd_root": str(twin)}, stimuli=stimuli)
    np.testing.assert_array_equal(target.repeats, expected.repeats)
    pixels, ids, _ = nsd.read_stimuli({}, inputs)
    assert ids == stimuli.image_ids.tolist()
    for position, photograph in enumerate(pixels):
        np.testing.assert_array_equal(photograph, stimuli[position])
    held_out = nsd.read_target("nsd", "subj02", options={}, inputs=inputs, stimuli=stimuli)
    assert held_out.provenance["sessions_missing"] == "2"


def test_a_second_fetch_moves_nothing(bucket, tmp_path):
    root = tmp_path / "nsd"
    wanted = Wanted(["subj01"])
    fetch(bucket, root, make_plan(bucket, root, wanted), say=lambda _: None)
    before = snapshot(root / "nsddata_betas")
    plan = make_plan(bucket, root, wanted)
    assert {remote.key for remote in plan.files} <= set(plan.there)
    fetch(bucket, root, plan, say=lambda _: None)
    assert snapshot(root / "nsddata_betas") == before


def leave_part(bucket, remote, path, content, etag=None):
    """What an interrupted download leaves."""
    path.with_name(f".{path.name}.part").write_bytes(content)
    facts = {"url": bucket.url_of(remote), "etag": etag or remote.etag, "total": remote.size}
    path.with_name(f".{path.name}.part.json").write_text(json.dumps(facts))


@pytest.fixture
def asked(monkeypatch):
    """Ranges that are asked for."""
    found, opened = [], download.open_url

    def watched(url, headers, timeout):
        found.append(headers.get("Range"))
        return opened(url, headers, timeout)

    monkeypatch.setattr(download, "open_url", watched)
    return found


def test_goes_on_where_it_stopped(bucket, twin, tmp_path, asked):
    (remote,), _ = bucket.find([SESSION])
    path, content = tmp_path / "betas.hdf5", (twin / SESSION).read_bytes()
    leave_part(bucket, remote, path, content[:50_000])
    assert bucket.download(remote, path) == "md5"
    assert asked == ["bytes=50000-"]
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["betas.hdf5"]


def test_a_damaged_part_is_found_and_fetched_anew(bucket, twin, tmp_path, asked):
    (remote,), _ = bucket.find([SESSION])
    leave_part(bucket, remote, tmp_path / "betas.hdf5", b"\0" * 1000)
    assert bucket.download(remote, tmp_path / "betas.hdf5") == "md5"
    assert asked == ["bytes=1000-", None]
    assert (tmp_path / "betas.hdf5").read_bytes() == (twin / SESSION).read_bytes()


def test_a_part_of_an_older_version_is_not_used(bucket, twin, tmp_path):
    (remote,), _ = bucket.find([SESSION])
    leave_part(bucket, remote, tmp_path / "betas.hdf5", b"\0" * 1000, etag="another")
    assert bucket.download(remote, tmp_path / "betas.hdf5") == "md5"


def test_a_version_that_was_not_listed_is_not_read(bucket, tmp_path):
    (remote,), _ = bucket.find([SESSION])
    older = Remote(remote.key, remote.size, "0" * 32)
    with pytest.raises(MenagerieError, match=r"412|another version"):
        bucket.read(older, 0, 10)
    with pytest.raises(MenagerieError, match="expected 0000"):
        bucket.download(older, tmp_path / "betas.hdf5")
    assert not list(tmp_path.iterdir())


def test_listings_come_in_pages(bucket, monkeypatch):
    """A thousand files a page in the real service; here two."""
    found, read = [], module_bucket.read_text

    def small_pages(url, **keywords):
        found.append(url)
        return read(url + "&max-keys=2", **keywords)

    monkeypatch.setattr(module_bucket, "read_text", small_pages)
    folder = "nsddata/freesurfer/subj01/label/"
    whole = {remote.key for remote in bucket.list(folder)}
    assert len(whole) > 2 and len(found) == -(-len(whole) // 2)


def test_another_file_in_the_place_of_a_fetched_one_stays(bucket, tmp_path):
    root = tmp_path / "nsd"
    make_plan(bucket, root, Wanted(["subj01"]))
    mine = root / SESSION
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(MenagerieError, match=r"betas_session01\.hdf5: found a file.*Move it away"):
        fetch(bucket, root, make_plan(bucket, root, Wanted(["subj01"])), say=lambda _: None)
    assert mine.read_bytes() == b"mine"


def test_whole_stimuli_are_checked_by_parts(bucket, twin, tmp_path):
    plan = make_plan(bucket, tmp_path / "nsd", Wanted(["subj01"], whole_stimuli=True))
    assert "photographs, whole file" in plan.text()
    fetch(bucket, tmp_path / "nsd", plan, say=lambda _: None)
    note = json.loads((tmp_path / "nsd/fetched.json").read_text())
    assert note["files"][plan.stimuli.key]["check"] == "md5 of parts"
    assert Layout(tmp_path / "nsd").stimuli.read_bytes() == Layout(twin).stimuli.read_bytes()


def test_unknown_kind_of_etag_reads_the_file_through(tmp_path, twin):
    path = Path(twin) / SESSION
    assert check_file(path, Remote(SESSION, path.stat().st_size, "0" * 32 + "-77")) == "size and format"
    short = tmp_path / "short.hdf5"
    short.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(MenagerieError, match="damaged"):
        check_file(short, Remote(SESSION, short.stat().st_size, "0" * 32 + "-77"))


def test_a_copy_that_was_not_fetched_is_left_alone(bucket, broken):
    before = snapshot(broken)
    with pytest.raises(MenagerieError, match="did not fetch"):
        make_plan(bucket, broken, Wanted(["subj01"]))
    assert snapshot(broken) == before


def test_command(server, tmp_path, capsys):
    to = ["--to", str(tmp_path / "nsd"), "--subjects", "subj01", "--endpoint", server]
    assert main([*to]) == 2
    assert "terms" in capsys.readouterr().err
    assert main([*to, "--dry-run"]) == 0
    assert "photographs, 40" in capsys.readouterr().out
    assert not (tmp_path / "nsd" / NOTE).exists()
    assert main([*to, "--accept-terms"]) == 0
    assert (tmp_path / "nsd" / NOTE).is_file()


def test_fetch_of_the_reader_as_its_rule_calls_it(server, twin, tmp_path):
    with pytest.raises(MenagerieError, match="accept_terms"):
        nsd.fetch(tmp_path, {}, ["subj01"])
    note = nsd.fetch(tmp_path, {"endpoint": server, "images": "shared1000"}, ["subj01"])
    assert note == tmp_path / nsd.INPUTS["nsd"]
    assert (tmp_path / "nsd" / SESSION).read_bytes() == (twin / SESSION).read_bytes()


def test_a_server_that_is_not_there(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Bucket.__init__, "__defaults__", ("", download.Patience(1, 0, 5)))
    code = main(["--to", str(tmp_path), "--endpoint", "http://127.0.0.1:9", "--subjects", "subj01", "--dry-run"])
    assert code == 2
    assert "Check the network" in capsys.readouterr().err
