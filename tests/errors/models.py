"""Models and their table."""

from dataclasses import replace
from pathlib import Path

import h5py
import torch
from torch import Tensor, nn

from menagerie.features.extract import extract_geometry
from menagerie.features.take_inventory import take_inventory
from menagerie.files.geometry import GeometryFile
from menagerie.files.inventory import COLUMNS, read_inventory
from menagerie.models.build import build_module, model_transform
from menagerie.models.network_files import network_files
from menagerie.models.registry import inline_spec, read_registry

from .case import Case, survey

HEADER = "id\tprovider\tbuilder\tweights\ttraining\tsha256\tinput_size\tmean\tstd\tcrop_pct"


def table(row: str, header: str = HEADER):
    def act(folder: Path):
        (folder / "models.tsv").write_text(f"{header}\n{row}\n")
        read_registry(folder / "models.tsv")

    return act


def inventory(*lines: str):
    def act(folder: Path):
        (folder / "m.tsv").write_text("\n".join(line.replace(" ", "\t") for line in lines) + "\n")
        read_inventory(folder / "m.tsv")

    return act


def old_geometry(folder: Path):
    with h5py.File(folder / "m.h5", "w") as file:
        file.attrs["format"] = "menagerie-geometry/1"
    GeometryFile(folder / "m.h5")


class Noise(nn.Module):
    """A network that draws random numbers whatever it is shown."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.rand_like(images)


def own(code: str, **files: str):
    """Build a network from a file of this code, next to others."""

    def act(folder: Path):
        for name, text in {"net": code, **files}.items():
            (folder / f"{name}{'' if '.' in name else '.py'}").write_text(text)
        spec = replace(inline_spec(f"python/{folder / 'net.py'}:net:random"), id="net")
        network_files(spec)
        build_module(spec)

    return act


def named(name: str):
    return lambda _: model_transform(inline_spec(name))


_SCRIPTED = "import torch\ndef net():\n    return torch.jit.trace(torch.nn.ReLU(), torch.zeros(1))\n"
_OPENS = "from pathlib import Path\ndef net():\n    return (Path(__file__).parent / 'sizes.json').read_text()\n"

CASES = [
    Case(
        "TorchScript for a network",
        own(_SCRIPTED),
        "net.py",
        "returned TorchScript",
        "expected a torch.nn.Module in Python",
        "Build the network from its code",
    ),
    Case(
        "a data file that a network does not declare",
        own(_OPENS, **{"sizes.json": "4"}),
        "net.py",
        "opens sizes.json",
        "expected every file",
        "Add a line",
    ),
    Case(
        "data files declared by code",
        own("SOURCES = list('ab')\n"),
        "net.py, line 1",
        "found: SOURCES = list('ab')",
        "expected a list of file names",
        "Write it out",
    ),
    Case(
        "a declared data file that is not there",
        own("SOURCES = ['none.json']\n"),
        "net.py",
        "none.json",
        "expected a file there",
        "Correct the list",
    ),
    Case(
        "a user's code that fails",
        own("def net():\n    raise ValueError('seven')\n"),
        "net.py",
        "ValueError: seven",
        "expected a torch.nn.Module",
        "Call it in Python",
    ),
    Case(
        "a network that takes no single images",
        named("torchvision/r3d_18"),
        "torchvision__r3d_18",
        "a video network",
        "expected a network that takes images one by one",
        "Choose a classifier",
    ),
    Case(
        "images that are not square",
        named("timm/vit_base_patch16_sapiens2.fb"),
        "timm__vit_base_patch16_sapiens2.fb",
        "768 x 1024",
        "expected a square",
        "Choose one",
    ),
    Case(
        "torchvision's weights misspelt",
        named("torchvision/resnet50.IMAGENET1K_V3"),
        "torchvision__resnet50",
        "'IMAGENET1K_V3'",
        "Known:",
        "Did you mean 'IMAGENET1K_V2'",
    ),
    Case(
        "a model misspelt",
        lambda at: survey(models=["resnt18_random"]),
        "Unknown model",
        "'resnt18_random'",
        "Known:",
        "Did you mean 'resnet18_random'",
    ),
    Case(
        "a pattern that fits no model",
        lambda at: survey(models=["efficentnet_*"]),
        "model pattern",
        "'efficentnet_*'",
        "models",
        "Nearest id: 'efficientnet",
    ),
    Case(
        "a provider that does not exist",
        lambda at: survey(models=["tim/resnet18"]),
        "'tim/resnet18'",
        "'tim'",
        "Known:",
        "Did you mean 'timm'",
    ),
    Case(
        "a slash too many",
        lambda at: survey(models=["/resnet18"]),
        "Model '/resnet18'",
        "/resnet18",
        "expected provider/name",
        "for example timm/resnet18",
    ),
    Case(
        "a table of models that is not there",
        lambda at: survey(registry=str(at / "models.tsv")),
        "mine/models.tsv",
        "No such file",
        "tab-separated text",
        "config key registry",
    ),
    Case(
        "commas for tabs",
        table("", "id,provider,builder,weights,training"),
        "models.tsv",
        "'id,provider,builder,weights,training'",
        "Known:",
        "Known:",
    ),
    Case(
        "a cell too few",
        table("net\ttimm\tresnet18\trandom"),
        "models.tsv, line 2",
        "4 tab-separated cells",
        "the header has 10",
        "Fill",
    ),
    Case(
        "an id with a slash",
        table("a/b\ttimm\tresnet18\trandom\trandom\t\t\t\t\t"),
        "line 2, column 'id'",
        "'a/b'",
        "letters, digits",
        "Change the cell",
    ),
    Case(
        "a cell left empty",
        table("net\ttimm\t\trandom\trandom\t\t\t\t\t"),
        "line 2",
        "column 'builder' is empty",
        "every model needs one",
        "Fill it in",
    ),
    Case(
        "trained, but with random weights",
        table("net\ttimm\tresnet18\trandom\ttrained\t\t\t\t\t"),
        "line 2",
        "weights 'random' with training 'trained'",
        "an untrained model has 'random' in both",
        "Change one",
    ),
    Case(
        "weights from nowhere",
        table("net\ttimm\tresnet18\tweb:x\ttrained\t\t\t\t\t"),
        "column 'weights'",
        "'web:x'",
        "url:<address>",
        "Change the cell",
    ),
    Case(
        "a crop in percent",
        table("net\ttimm\tresnet18\trandom\trandom\t\t\t\t\t87.5"),
        "column 'crop_pct'",
        "'87.5'",
        "above 0 and at most 1",
        "Change the cell",
    ),
    Case(
        "a mean without a standard deviation",
        table("net\ttimm\tresnet18\trandom\trandom\t\t\t0.5,0.5,0.5\t\t"),
        "line 2",
        "only 'mean'",
        "both 'mean' and 'std', or neither",
        "Fill",
    ),
    Case(
        "an id twice",
        table("net\ttimm\tresnet18\trandom\trandom\t\t\t\t\t\nnet\ttimm\tresnet34\trandom\trandom\t\t\t\t\t"),
        "line 3",
        "'net' is also on line 2",
        "one row",
        "Rename one",
    ),
    Case(
        "layers of a model that is none",
        lambda at: survey(layers={"resnt*": ["layer1"], "defualt": "all"}),
        "config key layers",
        "'resnt*'",
        "Known:",
        "Did you mean 'resnet",
    ),
    Case(
        "half a layer",
        lambda at: survey(layers=0.5),
        "Config key layers",
        "0.5",
        "whole number",
        "Change it",
    ),
    Case(
        "a layer inventory that was cut",
        inventory(" ".join(COLUMNS), "0 conv1 Conv2d 64x8"),
        "m.tsv, layer 0",
        "['0', 'conv1', 'Conv2d', '64x8']",
        "expected 9",
        "Delete it",
    ),
    Case(
        "a layer inventory of an earlier version",
        inventory("# made_from=ab multiply_adds=5", "index layer class shape n_features depth", "0 c Conv2d 4 4 0"),
        "m.tsv",
        "found index, layer, class, shape, n_features, depth.",
        "expected the columns index, layer, class, shape, n_features, depth, axis",
        "Delete it",
    ),
    Case(
        "a geometry file of an earlier version",
        old_geometry,
        "m.h5",
        "found 'menagerie-geometry/1'",
        "expected format 'menagerie-geometry/2'",
        "Delete it",
    ),
    Case(
        "a network that is random in evaluation mode",
        lambda at: take_inventory(Noise(), (3, 8, 8)),
        "The network Noise",
        "random: computed from random numbers",
        "expected real numbers that depend on the image alone",
        "without dropout, noise and batch statistics",
    ),
    Case(
        "a layer that the network does not have",
        lambda at: extract_geometry(nn.Conv2d(3, 2, 1), torch.rand(4, 3, 2, 2), ["conv1"]),
        "layer of Conv2d",
        "'conv1'",
        "Known:",
        "Choose one of",
    ),
]
