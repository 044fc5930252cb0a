"""Images, and image files that do not fit the responses."""

import unicodedata
from pathlib import Path

import numpy as np
from PIL import Image

from menagerie.brain.stimuli import Stimuli

from .case import Case, N, dataset, read


def with_image(make, name: str = "pic03.png"):
    """A dataset in which one image is written by ``make(path)``."""

    def act(folder: Path):
        dataset(folder)
        (folder / "images" / "pic03.png").unlink()
        make(folder / "images" / name)
        read(folder)

    return act


def cut(path: Path):
    Image.new("RGB", (300, 200), (3, 4, 5)).save(path)
    path.write_bytes(path.read_bytes()[:-200])


def transparent(path: Path):
    Image.new("RGBA", (6, 5), (9, 9, 9, 128)).save(path)


def film(path: Path):
    Image.new("L", (6, 5), 0).save(path, save_all=True, append_images=[Image.new("L", (6, 5), 255)])


def real(path: Path):
    Image.fromarray(np.zeros((5, 6), dtype=np.float32)).save(path)


def lab(path: Path):
    Image.new("LAB", (6, 5)).save(path)


def few(folder: Path):
    dataset(folder, np.random.default_rng(0).standard_normal((4, 3)))
    for number in range(4, N):
        (folder / "images" / f"pic{number:02d}.png").unlink()
    read(folder)


def one_removed(folder: Path):
    dataset(folder)
    (folder / "images" / "pic03.png").unlink()
    read(folder)


def no_folder(folder: Path):
    dataset(folder)
    (folder / "images").rename(folder / "pictures")
    read(folder)


def ambiguous(folder: Path):
    dataset(folder)
    (folder / "images" / "pic11.png").rename(folder / "images" / "pic2.png")
    read(folder)


def two_forms(folder: Path):
    dataset(folder)
    for form, number in (("NFC", 0), ("NFD", 1)):
        name = unicodedata.normalize(form, "bär")
        (folder / "images" / f"pic{number:02d}.png").rename(folder / "images" / f"{name}.png")
    read(folder)


def in_subfolders(folder: Path):
    dataset(folder)
    (folder / "images" / "animals").mkdir()
    for number in range(N):
        (folder / "images" / f"pic{number:02d}.png").rename(folder / "images" / "animals" / f"pic{number:02d}.png")
    read(folder)


def order(text: str):
    def act(folder: Path):
        dataset(folder)
        (folder / "images.csv").write_text(text)
        read(folder)

    return act


def cut_stimuli(folder: Path):
    (folder / "stimuli.h5").write_bytes(b"\x89HDF")
    Stimuli(folder / "stimuli.h5")


CASES = [
    Case(
        "an image that was cut",
        with_image(cut),
        "pic03.png",
        "found: ",
        "expected one of a common kind",
        "Save it again",
    ),
    Case(
        "text with the ending of an image",
        with_image(lambda path: path.write_text("not an image")),
        "pic03.png",
        "cannot identify image file",
        ".bmp, .gif",
        "Save it again",
    ),
    Case(
        "an empty image file",
        with_image(lambda path: path.write_bytes(b"")),
        "pic03.png",
        "found: ",
        "expected one of a common kind",
        "Save it again",
    ),
    Case(
        "an image with a transparent part",
        with_image(transparent),
        "pic03.png",
        "transparent in 30 of 30 pixels",
        "expected opaque",
        "Save it on the background",
    ),
    Case(
        "an animation",
        with_image(film, "pic03.gif"),
        "pic03.gif",
        "has 2 frames",
        "a stimulus has one",
        "Save the frame that was shown",
    ),
    Case(
        "an image of floating-point values",
        with_image(real, "pic03.tif"),
        "pic03.tif",
        "of kind 'F'",
        "expected ",
        "Save it as 8-bit RGB",
    ),
    Case(
        "an image in a space that depends on a profile",
        with_image(lab, "pic03.tif"),
        "pic03.tif",
        "of kind 'LAB'",
        "expected ",
        "Save it as 8-bit RGB",
    ),
    Case("too few images", few, "mine/images", "4 images", "at least 8", "Add images"),
    Case(
        "fewer images than responses",
        one_removed,
        "responses.npy",
        "12 rows",
        "11 images",
        "save a csv or parquet file",
    ),
    Case("no folder of images", no_folder, "mine", "pictures", "no folder 'images'", "Put the image files there"),
    Case(
        "names that sort in two ways",
        ambiguous,
        "mine/images",
        "'pic2.png'",
        "names that differ in more than",
        "Write images.csv",
    ),
    Case(
        "one name in two Unicode forms",
        two_forms,
        "mine/images",
        "two files are called",
        "expected names",
        "Rename one",
    ),
    Case(
        "images in subfolders only",
        in_subfolders,
        "mine/images",
        "has subfolders (animals)",
        "at least 8",
        "Add images",
    ),
    Case(
        "an order without its column",
        order("name\npic00.png\n"),
        "images.csv",
        "found name",
        "a column 'file'",
        "Rename",
    ),
    Case(
        "an order that names other files",
        order("file\nx.png\n"),
        "images.csv",
        "first: x.png",
        "names 1 files that are not in",
        "Correct",
    ),
    Case(
        "a stimulus set that was cut",
        cut_stimuli,
        "stimuli.h5",
        "cannot be read",
        "Stimulus set",
        "Delete it and rerun",
    ),
]
