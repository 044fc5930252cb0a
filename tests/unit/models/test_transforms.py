import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode

from menagerie.errors import MenagerieError
from menagerie.models.build import model_transform
from menagerie.models.registry import ModelSpec
from menagerie.models.transforms import TransformOptions, make_transform

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def image(height, width):
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def options(size=224, interpolation="bicubic", crop_pct=0.875):
    return TransformOptions(size, MEAN, STD, interpolation, crop_pct)


@pytest.mark.parametrize("shape", [(300, 300), (301, 427), (427, 301), (100, 333), (175, 175)])
@pytest.mark.parametrize(
    ("size", "crop_pct", "resize"), [(224, 0.875, 256), (224, 0.9, 248), (240, 0.882, 272), (225, 1.0, 225)]
)
def test_model_convention_equals_torchvision(shape, size, crop_pct, resize):
    pixels = image(*shape)
    reference = v2.Compose(
        [
            v2.Resize(resize, InterpolationMode.BICUBIC),
            v2.CenterCrop(size),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )(Image.fromarray(pixels))
    ours = make_transform(options(size, crop_pct=crop_pct))(pixels)
    assert ours.dtype == torch.float32 and ours.shape == (3, size, size)
    torch.testing.assert_close(ours, reference, rtol=0, atol=1e-6)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_model_convention_equals_timm(interpolation):
    pixels = image(301, 427)
    reference = create_transform((3, 160, 160), interpolation=interpolation, crop_pct=0.95, mean=MEAN, std=STD)
    ours = make_transform(options(160, interpolation, 0.95))(pixels)
    torch.testing.assert_close(ours, reference(Image.fromarray(pixels)), rtol=0, atol=1e-6)


def test_a_preset_of_torchvision_is_reproduced():
    from torchvision.models import ResNet18_Weights

    pixels = image(301, 427)
    ours = model_transform(ModelSpec("x", "torchvision", "resnet18", "provider"))(pixels)
    # The preset resizes PIL images with PIL, so the results are the same to the last bit but for the division.
    reference = ResNet18_Weights.IMAGENET1K_V1.transforms()(Image.fromarray(pixels))
    torch.testing.assert_close(ours, reference, rtol=0, atol=1e-6)


def test_paper_convention_squeezes_the_whole_image():
    pixels = image(200, 300)
    pixels[:, :5] = 255
    reference = v2.functional.pil_to_tensor(Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC)) / 255
    untrained = make_transform(options(64), convention="paper", training="random")(pixels)
    torch.testing.assert_close(untrained, reference, rtol=0, atol=1e-7)
    trained = make_transform(options(64), convention="paper")(pixels)
    torch.testing.assert_close(trained, v2.functional.normalize(reference, list(MEAN), list(STD)))


def test_paper_values_of_the_table_win():
    transform = make_transform(
        options(64), convention="paper", training="random", paper_size=32, paper_mean=MEAN, paper_std=STD
    )
    assert (transform.input_size, transform.mean, transform.std) == (32, MEAN, STD)
    model = make_transform(options(64), paper_size=32, paper_mean=(0, 0, 0), paper_std=(1, 1, 1))
    assert (model.input_size, model.mean) == (64, MEAN)


def test_the_same_image_gives_the_same_bits_and_is_left_alone():
    pixels = image(99, 120)
    before = pixels.copy()
    transform = make_transform(options(64))
    assert torch.equal(transform(pixels), transform(pixels)) and (pixels == before).all()


@pytest.mark.parametrize("pixels", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))])
def test_other_than_8_bit_rgb_is_refused(pixels):
    with pytest.raises(MenagerieError, match="uint8 height x width x 3, found"):
        make_transform(options())(pixels)


def test_unknown_conventions_are_refused():
    with pytest.raises(MenagerieError, match=r"Unknown image transform.*Did you mean 'paper'"):
        make_transform(options(), convention="papers")
    with pytest.raises(MenagerieError, match="Unknown interpolation"):
        make_transform(options(interpolation="cubic"))
