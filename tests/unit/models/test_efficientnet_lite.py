"""The demo's trained networks: same answers as the implementation that their weights were made for."""

import numpy as np
import pytest
import torch
from timm.data import ImageNetInfo

from menagerie.models.build import build_model
from menagerie.models.checkpoints.read import read_checkpoint
from menagerie.models.weights import fetch_weights

NAMES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
# Largest five logits, by class, that the module of efficientnet_lite_pytorch 0.1.0 gives for ``ramp``.
REFERENCE = {
    "efficientnet_lite0": {549: 4.9661, 916: 4.2060, 677: 3.8254, 600: 3.5117, 782: 3.4855},
    "efficientnet_lite1": {916: 4.4143, 549: 3.9225, 446: 3.8415, 783: 3.8286, 92: 3.6319},
    "efficientnet_lite2": {916: 4.9353, 753: 4.6590, 409: 3.9372, 677: 3.8891, 418: 3.8099},
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory, registry):
    folder = tmp_path_factory.mktemp("weights")
    loaded = {}
    for name in NAMES:
        fetch_weights(registry[name], folder / f"{name}.safetensors")
        loaded[name] = build_model(registry[name], folder / f"{name}.safetensors")
    return loaded


def ramp(size):
    """An input that every machine makes alike, values from -1 to 1."""
    return torch.from_numpy(np.sin(np.arange(3 * size * size, dtype=np.float64) / 97)).float().reshape(1, 3, size, size)


@pytest.mark.parametrize("name", NAMES)
def test_logits_equal_stored_ones_of_the_reference(networks, name):
    network = networks[name]
    with torch.no_grad():
        logits = network.module(ramp(network.input_size))[0]
    for index, value in REFERENCE[name].items():
        assert logits[index].item() == pytest.approx(value, abs=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_logits_equal_the_reference_where_it_is_installed(networks, registry, name):
    reference = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="pip install efficientnet-lite-pytorch==0.1.0 to compare with its modules"
    )
    from menagerie.models.sources import package_file

    module = reference.EfficientNet.from_name(name.replace("_", "-")).eval()
    module.load_state_dict(read_checkpoint(package_file(registry[name].weights.removeprefix("package:"), name)))
    images = torch.rand(2, 3, *[networks[name].input_size] * 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(networks[name].module(images), module(images), rtol=0, atol=1e-5)


def photographs():
    data = pytest.importorskip("skimage.data")
    from sklearn.datasets import load_sample_image

    return {
        "chelsea": (data.chelsea(), ("tiger cat", "tabby", "Egyptian cat")),
        "coffee": (data.coffee(), ("espresso",)),
        "rocket": (data.rocket(), ("missile", "projectile", "space shuttle", "drilling platform")),
        "china": (load_sample_image("china.jpg"), ("palace",)),
    }


@pytest.mark.parametrize("name", NAMES)
def test_photographs_are_recognised(networks, name):
    network, classes = networks[name], ImageNetInfo()
    for picture, (pixels, right) in photographs().items():
        with torch.no_grad():
            best = network.module(network.transform(pixels)[None]).argmax().item()
        label = classes.index_to_description(best).split(",")[0]
        assert label in right, f"{name} sees {label} in {picture}"
