"""Image files of any kind become 8-bit RGB, or are refused by name."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from menagerie.brain.images import read_image
from menagerie.errors import MenagerieError

RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3) * 3
GREY = RGB[:, :, 0].copy()


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.webp"])
def test_rgb_is_unchanged(tmp_path, name):
    Image.fromarray(RGB).save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    pixels, mode = read_image(tmp_path / name)
    np.testing.assert_array_equal(pixels, RGB)
    assert mode == "RGB" and pixels.dtype == np.uint8


def test_grey_is_repeated(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    pixels, _ = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels, np.stack([GREY] * 3, axis=2))


def test_black_and_white(tmp_path):
    Image.fromarray(GREY > 90).save(tmp_path / "a.png")
    pixels, _ = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels[:, :, 1], (GREY > 90) * 255)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bit_grey_keeps_its_range(tmp_path, name):
    deep = GREY.astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / name)
    pixels, mode = read_image(tmp_path / name)
    assert mode == "I;16"
    np.testing.assert_array_equal(pixels[:, :, 2], GREY)


def test_sixteen_bit_colour_keeps_its_upper_bits(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    deep = (RGB.astype(np.uint16) * 256 + 200).astype(">u2")
    lines = b"".join(b"\0" + row.tobytes() for row in deep)
    header = struct.pack(">IIBBBBB", RGB.shape[1], RGB.shape[0], 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[0], RGB)


def test_palette(tmp_path):
    Image.fromarray(RGB).convert("P", palette=Image.Palette.ADAPTIVE, colors=24).save(tmp_path / "a.gif")
    pixels, mode = read_image(tmp_path / "a.gif")
    assert mode == "P"
    np.testing.assert_array_equal(pixels, RGB)


def test_cmyk(tmp_path):
    Image.new("CMYK", (6, 4), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    pixels, mode = read_image(tmp_path / "a.tif")
    assert mode == "CMYK"
    assert (pixels == [255, 0, 0]).all()


def test_opaque_alpha_is_dropped_and_transparency_refused(tmp_path):
    alpha = np.full((4, 6, 1), 255, dtype=np.uint8)
    Image.fromarray(np.concatenate([RGB, alpha], axis=2)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[0], RGB)
    alpha[1, 2] = 0
    Image.fromarray(np.concatenate([RGB, alpha], axis=2)).save(tmp_path / "b.png")
    with pytest.raises(MenagerieError, match=r"b\.png is transparent in 1 of 24 pixels"):
        read_image(tmp_path / "b.png")


def test_camera_orientation_is_followed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[0], np.rot90(RGB, -1))


def test_unusable_files_are_named(tmp_path):
    frames = [Image.new("L", (6, 4), value) for value in (0, 255)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(GREY.astype(np.float32)).save(tmp_path / "real.tif")
    (tmp_path / "text.png").write_text("not an image")
    Image.fromarray(RGB).resize((600, 400)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-300])
    for name, message in {"film.gif": "2 frames", "real.tif": "kind 'F'", "text.png": "", "cut.png": ""}.items():
        with pytest.raises(MenagerieError, match=f"{name}.*{message}"):
            read_image(tmp_path / name)


def test_the_first_picture_of_a_cameras_mpo_file(tmp_path):
    other = Image.fromarray(255 - RGB)
    Image.fromarray(RGB).save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[other], quality=100)
    with Image.open(tmp_path / "a.jpg") as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    pixels, _ = read_image(tmp_path / "a.jpg")
    assert np.abs(pixels.astype(int) - RGB).mean() < 10


def test_other_films_are_refused(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.tif", save_all=True, append_images=[Image.fromarray(255 - RGB)])
    with pytest.raises(MenagerieError, match="has 2 frames"):
        read_image(tmp_path / "a.tif")


def test_no_file_reaches_another_program(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    with pytest.raises(MenagerieError, match="damaged or no image"):
        read_image(tmp_path / "a.png")
