"""Fetching from a real S3 server on this machine (moto's server mode), which holds the small twin."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from menagerie.brain.nsd import fetch_nsd as module
from menagerie.brain.nsd.bucket import BUCKET, Bucket, Remote, check_file
from menagerie.brain.nsd.fetch_nsd import Wanted, fetch, main, make_plan
from menagerie.brain.nsd.layout import Layout
from menagerie.brain.readers import nsd
from menagerie.errors import MenagerieError

boto3 = pytest.importorskip("boto3", reason="the extra nsd is not installed")
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
    return Bucket(server)


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
    assert plan.open_files == []
    fetch(bucket, root, plan, say=lambda _: None)
    assert snapshot(root / "nsddata_betas") == before


def test_goes_on_where_it_stopped(bucket, twin, tmp_path, monkeypatch):
    (remote,), _ = bucket.find([SESSION])
    path = tmp_path / "betas.hdf5"
    read = Bucket.read

    def breaks(self, remote, start, length=None):
        yield b"".join(read(self, remote, start, 50_000))
        raise MenagerieError("the line broke")

    monkeypatch.setattr(Bucket, "read", breaks)
    with pytest.raises(MenagerieError, match="the line broke"):
        bucket.download(remote, path)
    assert not path.exists()
    asked = []

    def watched(self, remote, start, length=None):
        asked.append(start)
        return read(self, remote, start, length)

    monkeypatch.setattr(Bucket, "read", watched)
    assert bucket.download(remote, path) == "md5"
    assert asked == [50_000]
    assert path.read_bytes() == (twin / SESSION).read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["betas.hdf5"]


def test_a_damaged_part_is_found_and_fetched_anew(bucket, twin, tmp_path):
    (remote,), _ = bucket.find([SESSION])
    path = tmp_path / "betas.hdf5"
    (tmp_path / ".betas.hdf5.part").write_bytes(b"\0" * 1000)
    (tmp_path / ".betas.hdf5.part.json").write_text(json.dumps({"etag": remote.etag}))
    with pytest.raises(MenagerieError, match="MD5"):
        bucket.download(remote, path)
    assert not path.exists()
    bucket.download(remote, path)
    assert path.read_bytes() == (twin / SESSION).read_bytes()


def test_a_part_of_an_older_version_is_not_used(bucket, twin, tmp_path):
    (remote,), _ = bucket.find([SESSION])
    (tmp_path / ".betas.hdf5.part").write_bytes(b"\0" * 1000)
    (tmp_path / ".betas.hdf5.part.json").write_text(json.dumps({"etag": "another"}))
    assert bucket.download(remote, tmp_path / "betas.hdf5") == "md5"


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
    assert not (tmp_path / "nsd" / module.NOTE).exists()
    assert main([*to, "--accept-terms"]) == 0
    assert (tmp_path / "nsd" / module.NOTE).is_file()


def test_fetch_of_the_reader_as_its_rule_calls_it(server, twin, tmp_path):
    with pytest.raises(MenagerieError, match="accept_terms"):
        nsd.fetch(tmp_path, {}, ["subj01"])
    note = nsd.fetch(tmp_path, {"endpoint": server, "images": "shared1000"}, ["subj01"])
    assert note == tmp_path / nsd.INPUTS["nsd"]
    assert (tmp_path / "nsd" / SESSION).read_bytes() == (twin / SESSION).read_bytes()


def test_a_server_that_is_not_there(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    started = time.monotonic()
    code = main(["--to", str(tmp_path), "--endpoint", "http://127.0.0.1:9", "--subjects", "subj01", "--dry-run"])
    assert code == 2
    assert "Check the network" in capsys.readouterr().err
    assert time.monotonic() - started < 120
