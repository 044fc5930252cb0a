"""Fetching from a real S3 server on this machine (moto's server mode), which holds the small twin."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from menagerie.brain.fetching.copies import NOTE
from menagerie.brain.laion.fetch_laion import BUCKET, fetch, laion_bucket, main, make_plan
from menagerie.brain.laion.laion_options import Options
from menagerie.brain.laion.layout import Layout
from menagerie.brain.readers import laion
from menagerie.errors import MenagerieError

boto3 = pytest.importorskip("boto3", reason="comes with moto")
moto_server = pytest.importorskip("moto.server", reason="moto is not installed")

SESSION = Layout(Path()).betas("sub-01", "ses-01").as_posix()
ALSO = {  # what is in the bucket and nobody needs
    "derivatives/rois/sub-01/face/sub-01_hemi-L_space-fsnative_label-FFA-1_mask.func.gii": b"surface",
    "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt5_label-FFA-1_mask.nii.gz": b"another grid",
    SESSION.replace("stat-effect_desc-SingletrialBetas", "desc-Fracridge"): b"unwanted",
    SESSION.replace("ses-01", "ses-31"): b"held out",
    "README": b"LAION-fMRI",
}


@pytest.fixture(scope="module")
def server(twin):
    """Endpoint of a server with the twin in the bucket, session 2 of sub-03 and the images held out."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x"
    )
    client.create_bucket(
        Bucket=BUCKET, ACL="public-read", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    there = {path.relative_to(twin).as_posix(): path.read_bytes() for path in twin.rglob("*") if path.is_file()}
    for key, content in (there | ALSO).items():
        if not (key.startswith(("stimuli", "laion_fmri", "menagerie")) or ("sub-03" in key and "ses-02" in key)):
            client.put_object(Bucket=BUCKET, Key=key, Body=content, ACL="public-read")
    yield endpoint
    server.stop()


@pytest.fixture
def bucket(server):
    return laion_bucket(server)


def quiet(bucket, root, subjects, chosen=None):
    return fetch(bucket, root, make_plan(bucket, root, subjects, chosen or Options()), say=lambda _: None)


def test_fetches_what_is_needed_and_the_reader_reads_it(bucket, twin, tmp_path, stimuli):
    root = tmp_path / "laion"
    plan = make_plan(bucket, root, ["sub-01", "sub-03"], Options())
    text = plan.text()
    assert "betas, 3 sessions" in text and "CC0 1.0" in text and "images are not fetched: https://laion-fmri" in text
    assert "sub-03_ses-02_task-images_desc-SingletrialBetas_trials.tsv" in text
    assert not (root / SESSION).exists()  # sizes are told before anything large travels
    note = json.loads(fetch(bucket, root, plan, say=lambda _: None).read_text())
    assert {entry["check"] for entry in note["files"].values()} == {"md5"} and "CC0" in note["licence"]
    for key in set(note["files"]) - set(ALSO):
        assert (root / key).read_bytes() == (twin / key).read_bytes()
    assert set(note["files"]) & set(ALSO) == {"README"}
    assert not [key for key in note["files"] if key.startswith("stimuli") or "contrast" in key]
    inputs = {"laion": root / NOTE}
    folders = {"stimuli_folder": str(Layout(twin).stimuli), "splits_folder": str(Layout(twin).splits)}
    found = laion.read_target("l", "sub-01", options=folders, inputs=inputs, stimuli=stimuli)
    expected = laion.read_target("l", "sub-01", options={"laion_root": str(twin)}, stimuli=stimuli)
    np.testing.assert_array_equal(found.responses, expected.responses)
    assert laion.read_stimuli(folders, inputs)[1] == laion.read_stimuli({"laion_root": str(twin)})[1]
    assert laion.read_split("tau", folders, "sub-01", [])


def test_images_are_never_fetched(bucket, tmp_path):
    root = tmp_path / "laion"
    quiet(bucket, root, ["sub-01"])
    with pytest.raises(MenagerieError, match="given by the dataset's authors under an agreement"):
        laion.read_stimuli({}, {"laion": root / NOTE})


def test_maps_of_the_regions_and_no_others(bucket, tmp_path):
    quiet(bucket, tmp_path / "a", ["sub-01"], Options(regions=("OTC_z1",), noise_ceiling_map="4rep"))
    there = [path.name for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert sum("contrast" in name for name in there) == 4 and sum("Noiseceiling" in name for name in there) == 1
    assert any("Noiseceiling4rep" in name for name in there)


def test_only_sessions_that_show_an_image(bucket, tmp_path, monkeypatch):
    from menagerie.brain.laion import fetch_laion

    plain = fetch_laion.read_trials

    def read(path, subject, session):
        trials = plain(path, subject, session)
        if session == "ses-01":
            return trials
        return type(trials)(tuple("shared_4rep_OOD_gabor_001.jpg" for _ in trials.labels), trials.runs)

    monkeypatch.setattr(fetch_laion, "read_trials", read)
    for images, count in (("shared", 1), ("shared+ood", 2)):
        plan = make_plan(bucket, tmp_path / images, ["sub-01"], Options(images=images))
        assert f"betas, {count} sessions" in plan.text()


def test_a_second_fetch_moves_nothing(bucket, tmp_path):
    root = tmp_path / "laion"
    quiet(bucket, root, ["sub-01"])
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.gz")}
    plan = make_plan(bucket, root, ["sub-01"], Options())
    assert {remote.key for remote in plan.files} == set(plan.there)
    fetch(bucket, root, plan, say=lambda _: None)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.gz")} == before


def test_a_break_goes_on_and_a_damaged_file_is_fetched_again(bucket, twin, tmp_path, monkeypatch):
    root = tmp_path / "laion"
    plan = make_plan(bucket, root, ["sub-01"], Options())
    seen = []

    def stop(text):
        seen.append(text)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(bucket, root, plan, say=stop)
    assert not (root / NOTE).exists()
    again = make_plan(bucket, root, ["sub-01"], Options())
    assert len(again.there) == len(plan.there) + 4
    fetch(bucket, root, again, say=lambda _: None)
    whole = (root / SESSION).read_bytes()
    (root / SESSION).write_bytes(whole[:-1000])
    with pytest.raises(MenagerieError, match=r"SingletrialBetas_statmap.*Move it away"):
        quiet(bucket, root, ["sub-01"])
    (root / SESSION).unlink()
    quiet(bucket, root, ["sub-01"])
    assert (root / SESSION).read_bytes() == (twin / SESSION).read_bytes()


def test_a_copy_that_was_not_fetched_is_left_alone(bucket, broken):
    before = {path: path.stat().st_mtime_ns for path in broken.rglob("*")}
    with pytest.raises(MenagerieError, match="did not fetch"):
        make_plan(bucket, broken, ["sub-01"], Options())
    assert {path: path.stat().st_mtime_ns for path in broken.rglob("*")} == before


def test_a_bucket_without_maps_or_masks(server, bucket, tmp_path):
    with pytest.raises(MenagerieError, match=r"bucket laion-fmri at .* lacks .*ROI masks|lacks ROI masks"):
        make_plan(bucket, tmp_path / "a", ["sub-05"], Options())
    with pytest.raises(MenagerieError, match="expected one of sub-01"):
        make_plan(bucket, tmp_path / "b", ["sub-02"], Options())


def test_command(server, tmp_path, capsys):
    to = ["--to", str(tmp_path / "laion"), "--subjects", "sub-01", "--endpoint", server]
    assert main([*to]) == 2
    assert "CC0 1.0" in capsys.readouterr().err
    assert main([*to, "--dry-run"]) == 0
    assert "betas, 2 sessions" in capsys.readouterr().out
    assert not (tmp_path / "laion" / NOTE).exists()
    assert main([*to, "--accept-terms", "--regions", "EVC"]) == 0
    assert (tmp_path / "laion" / NOTE).is_file()


def test_fetch_of_the_reader_as_its_rule_calls_it(server, twin, tmp_path):
    with pytest.raises(MenagerieError, match="accept_terms"):
        laion.fetch(tmp_path, {}, ["sub-01"])
    note = laion.fetch(tmp_path, {"endpoint": server}, ["sub-01"])
    assert note == tmp_path / laion.INPUTS["laion"]
    assert (tmp_path / "laion" / SESSION).read_bytes() == (twin / SESSION).read_bytes()
    shutil.rmtree(tmp_path / "laion")
