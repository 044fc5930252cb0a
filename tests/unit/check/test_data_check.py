"""The preflight looks into the data: every file's header and end, and as much of the content as seconds allow."""

import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from menagerie.brain.readers import examine
from menagerie.brain.remarks import FAILURE, PLAIN, WARNING
from menagerie.brain.user_files import image_headers, response_samples

N = 24


@pytest.fixture
def data(tmp_path):
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for number in range(N):
        pixels = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(
            tmp_path / "images" / f"pic{number:02d}.{('png', 'jpg', 'webp', 'bmp', 'gif', 'tif')[number % 6]}"
        )
    for subject in ("s1", "s2"):
        (tmp_path / subject).mkdir()
        np.save(tmp_path / subject / "responses.npy", rng.standard_normal((N, 6)))
    return tmp_path


def look(data, subjects=("s1", "s2")):
    return list(examine("own", {"folder": str(data)}, "resources", subjects))


def failures(remarks):
    return [f"{remark.text} {remark.advice}" for remark in remarks if remark.status == FAILURE]


def test_data_in_order(data):
    remarks = look(data)
    assert {remark.status for remark in remarks} == {PLAIN}
    texts = "\n".join(map(str, remarks))
    pairs = "row 1 pic00, row 2 pic01, row 3 pic02, ..., row 22 pic21, row 23 pic22, row 24 pic23"
    assert f"s1/responses.npy: matched by order alone: {pairs}." in texts
    assert "24 images; images x units x repeats: s1 24 x 6 x 1, s2 24 x 6 x 1" in texts


@pytest.mark.parametrize("number", range(6), ids=["png", "jpg", "webp", "bmp", "gif", "tif"])
def test_an_image_that_was_cut(data, number, monkeypatch):
    monkeypatch.setattr(image_headers, "SECONDS", 0.0)  # not even when there is no time to decode
    (path,) = (data / "images").glob(f"pic{number:02d}.*")
    path.write_bytes(path.read_bytes()[:-150])
    found = failures(look(data))
    assert path.name in found[0] and "damaged" in found[0] and "1 of 24 images cannot be used" in found[-1]


def test_every_image_that_cannot_be_used_counts(data):
    for number in range(5):
        Image.new("RGBA", (9, 9), (1, 2, 3, 100)).save(data / "images" / f"pic{6 * (number % 4):02d}.png")
    (data / "images" / "notes.txt").write_text("not an image")
    found = failures(look(data))
    assert sum("transparent in 81 of 81 pixels" in text for text in found) >= 2
    assert any("5 of 25 images cannot be used" in text for text in found)
    assert any("s1/responses.npy has 24 rows of responses, the stimulus set has 25 images" in text for text in found)


def test_every_subject_is_looked_at(data):
    values = np.load(data / "s1" / "responses.npy")
    values[3, 2] = np.nan
    np.save(data / "s1" / "responses.npy", values)
    np.save(data / "s2" / "responses.npy", values.T)
    found = failures(look(data))
    assert "s1/responses.npy: NaN in 1 of 6 units at image 3" in found[0]
    assert "look transposed" in found[1]
    (data / "s2" / "responses.npy").write_bytes((data / "s1" / "responses.npy").read_bytes()[:-8])
    assert any("the file was cut short" in text.casefold() for text in failures(look(data)))


def test_names_that_differ_between_subjects(data):
    for number, subject in enumerate(("s1", "s2")):
        (data / subject / "responses.npy").unlink()
        names = [f"u{k + number}" for k in range(6)]
        frame = pd.DataFrame(np.random.default_rng(number).standard_normal((N, 6)), columns=names)
        frame.assign(image=[f"pic{k:02d}" for k in range(N)]).to_csv(data / subject / "responses.csv", index=False)
        pd.DataFrame({"unit": names, "regions": ["V1" if number else "v1"] * 6}).to_csv(
            data / subject / "units.csv", index=False
        )
    texts = [str(remark) for remark in look(data) if remark.status == WARNING]
    assert any("region names differ in case only: 'v1' (s1), 'V1' (s2)" in text for text in texts)
    assert any("unit names of s2 and s1 differ (5 in common; only in s2: u6, only in s1: u0)" in text for text in texts)


def test_a_photograph_in_both_halves(data):
    for path in (data / "images").glob("pic03.*"):
        path.unlink()
    with Image.open(data / "images" / "pic00.png") as image:
        image.save(data / "images" / "pic03.bmp")
    assert any("pic00, pic03 are the same photograph" in remark.text for remark in look(data))


def test_sixteen_bits_that_hold_twelve(data):
    grey = np.random.default_rng(0).integers(0, 4096, (40, 30)).astype(np.uint16)
    Image.fromarray(grey).save(data / "images" / "pic00.png")
    assert any("hold no value above a sixteenth of white" in remark.text for remark in look(data))


@pytest.mark.parametrize("kind", ["npy", "csv", "parquet"])
def test_large_files_are_sampled(data, kind, monkeypatch):
    monkeypatch.setattr(response_samples, "SMALL", dict.fromkeys(response_samples.SMALL, 0.0))
    values = np.random.default_rng(0).standard_normal((N, 6))

    def save(values):
        for path in (data / "s1").iterdir():
            path.unlink()
        path = data / "s1" / f"responses.{kind}"
        frame = pd.DataFrame(values, columns=[f"u{k}" for k in range(6)])
        {
            "npy": lambda: np.save(path, values),
            "csv": lambda: frame.to_csv(path, index=False),
            "parquet": lambda: frame.to_parquet(path),
        }[kind]()

    save(values)
    assert failures(look(data, ["s1"])) == [] and any(
        "the job checks all" in str(remark) for remark in look(data, ["s1"])
    )
    save(values[:-1])
    assert "has 23 rows of responses, the stimulus set has 24 images" in failures(look(data, ["s1"]))[0]
    values[2, 1] = np.inf
    save(values)
    assert "infinite response of unit 1 to image 2" in failures(look(data, ["s1"]))[0]
    values[2, 1] = np.nan
    save(values)
    assert "NaN in 1 of 6 units at image 2" in failures(look(data, ["s1"]))[0]


def test_a_thousand_images_in_seconds(data):
    rng = np.random.default_rng(1)
    encoded = []
    for number in range(8):
        Image.fromarray(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)).save(data / f"{number}.jpg", quality=90)
        encoded.append((data / f"{number}.jpg").read_bytes())
    for number in range(N, 1000):  # the comment makes each file another one
        content = encoded[number % 8]
        comment = f"{number:08d}".encode()
        (data / "images" / f"pic{number}.jpg").write_bytes(content[:2] + b"\xff\xfe\x00\x0a" + comment + content[2:])
    for subject in ("s1", "s2"):
        np.save(data / subject / "responses.npy", rng.standard_normal((1000, 500, 3)))
    started = time.monotonic()
    remarks = look(data)
    assert time.monotonic() - started < 30, "about four seconds, on a machine that is not busy"
    assert failures(remarks) == []
