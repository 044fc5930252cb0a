"""The macaque session: real files where they are, made-up ones for what can go wrong."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from menagerie.brain.readers import v4
from menagerie.brain.stimuli import Stimuli, write_stimuli
from menagerie.brain.target import check_target
from menagerie.errors import MenagerieError


@pytest.fixture(scope="module")
def real(shared, tmp_path_factory):
    """The two published files, through the reader's own check."""
    folder = shared / "data" / "v4_210325"
    if not folder.is_dir():
        pytest.skip(f"reference data are absent: no folder {folder}")
    resources = tmp_path_factory.mktemp("resources")
    v4.fetch(resources, {"folder": folder})
    return {name: resources / path for name, path in v4.INPUTS.items()}


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """A stimulus set with the right ids."""
    path = tmp_path_factory.mktemp("stimuli") / "v4.h5"
    write_stimuli(path, [np.zeros((1, 1, 3), dtype=np.uint8)] * 640, v4.image_ids(), {})
    return Stimuli(path)


def test_published_images_are_complete(real):
    images, ids, _ = v4.read_stimuli({}, real)
    shapes = {image.shape for image in images}
    assert shapes == {(112, 112, 3)} and len(ids) == 640


def test_published_responses_give_the_known_figures(real, blank):
    target = v4.read_target("macaque", "PE", options={"zscore": False}, inputs=real, stimuli=blank)
    check_target(target)
    assert target.responses.shape == (640, 50) and target.repeats.shape == (10, 640, 50)
    counts = np.count_nonzero(~np.isnan(target.repeats[:, :, 0]), axis=0)
    assert np.bincount(counts)[6:].tolist() == [36, 261, 294, 45, 4]
    np.testing.assert_allclose(target.responses, np.nanmean(target.repeats, axis=0), rtol=1e-5)
    assert np.median(target.units["reliability"]) == pytest.approx(0.76, abs=0.02)  # others found .75
    assert 0.5 < target.ceilings["even_odd/0"]["V4"] < 1


def test_standardising_uses_training_images_only(real, blank):
    target = v4.read_target("macaque", "PE", options={}, inputs=real, stimuli=blank)
    train, test = target.responses[::2], target.responses[1::2]
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-5)
    assert np.abs(test.mean(axis=0)).max() > 1e-3


def test_wrong_files_and_names_are_told(tmp_path, blank):
    np.save(tmp_path / "r.npy", np.zeros((3, 4, 5)))
    with pytest.raises(MenagerieError, match=r"expected .* \(50, 640, 10\), found \(3, 4, 5\)"):
        v4.read_responses(tmp_path / "r.npy")
    np.save(tmp_path / "objects.npy", np.array([{}, None], dtype=object), allow_pickle=True)
    with pytest.raises(MenagerieError, match="cannot be read"):
        v4.read_responses(tmp_path / "objects.npy")
    with pytest.raises(MenagerieError, match="subject"):
        v4.read_target("m", "PX", options={}, inputs={}, stimuli=blank)
    with pytest.raises(MenagerieError, match=r"option of reader v4.*'zscores'.*Did you mean 'zscore'"):
        v4.read_target("m", "PE", options={"zscores": True}, inputs={}, stimuli=blank)
    with pytest.raises(MenagerieError, match="does not exist"):
        v4.fetch(tmp_path, {"folder": tmp_path})


def test_archive_that_lacks_an_image_is_told(tmp_path):
    picture = io.BytesIO()
    Image.new("RGB", (2, 2)).save(picture, "JPEG")
    with zipfile.ZipFile(tmp_path / "i.zip", "w") as archive:
        archive.writestr("images/image0001.jpg", picture.getvalue())
    images, _, _ = v4.read_stimuli({}, {"images": tmp_path / "i.zip"})
    with pytest.raises(MenagerieError, match="no image image0002"):
        list(images)
    (tmp_path / "bad.zip").write_bytes(b"zip?")
    with pytest.raises(MenagerieError, match="cannot be unpacked"):
        list(v4.read_stimuli({}, {"images": tmp_path / "bad.zip"})[0])
