"""Networks in users' Python files, in the ways that people write them."""

from pathlib import Path

import pytest
import torch

from menagerie.errors import MenagerieError
from menagerie.features.take_inventory import take_inventory
from menagerie.models.build import build_model, build_module
from menagerie.models.network_files import network_files
from menagerie.models.registry import inline_spec
from menagerie.models.weights import fetch_weights

HEAD = "import torch\nfrom torch import nn\n"
TRANSFORM = 'TRANSFORM = dict(input_size=16, mean=(0,) * 3, std=(1,) * 3, interpolation="bilinear", crop_pct=1.0)\n'


def spec_of(folder, code, name="net", **files):
    folder.mkdir(exist_ok=True)
    for other, text in files.items():
        (folder / other.replace("__", ".")).write_text(text)
    (folder / f"{name}.py").write_text(code)
    return inline_spec(f"python/{folder / f'{name}.py'}:net:random")


def network_of(*arguments, **files):
    return build_module(spec_of(*arguments, **files))


ONES = torch.ones(2, 3, 16, 16)


def test_dataclasses_with_annotations_as_text(tmp_path):
    code = (
        "from __future__ import annotations\nfrom dataclasses import dataclass, field, KW_ONLY\n"
        "from typing import ClassVar\n" + HEAD + "@dataclass\nclass Width:\n    _: KW_ONLY\n"
        "    n: int = 4\n    all: ClassVar[list] = []\n"
        "def net():\n    return nn.Conv2d(3, Width().n, 3)\n"
    )
    assert network_of(tmp_path, code)(ONES).shape == (2, 4, 14, 14)


def test_neighbours_of_the_same_name_in_one_process_and_imported_late(tmp_path):
    code = (
        HEAD + "from parts import scale\nclass Net(nn.Module):\n    def forward(self, x):\n"
        "        from later import offset\n        import parts\n"
        "        return x * scale * parts.scale + offset\n"
        "def net():\n    return Net()\n"
    )
    nets = [
        network_of(
            tmp_path / str(n),
            code,
            parts__py=f"scale = {n}\n",
            later__py="from parts import scale\noffset = scale / 2\n",
        )
        for n in (1, 2)
    ]
    for _ in range(2):
        assert [net(ONES)[0, 0, 0, 0].item() for net in nets] == [1.5, 5.0]
    import sys

    assert "parts" not in sys.modules and "later" not in sys.modules
    assert not any(str(tmp_path) in place for place in sys.path)


def test_an_error_while_running_leaves_nothing_behind(tmp_path):
    import sys

    code = HEAD + "class Net(nn.Module):\n    def forward(self, x):\n        import parts\n        raise KeyError\n"
    net = network_of(tmp_path, code + "def net():\n    return Net()\n", parts__py="")
    with pytest.raises(KeyError):
        net(ONES)
    assert "parts" not in sys.modules and str(tmp_path) not in sys.path


@pytest.mark.parametrize("inner", ["torch.jit.script(part)", "nn.Sequential(torch.jit.script(part), nn.ReLU())"])
def test_torchscript_is_refused_by_that_word(tmp_path, inner):
    code = HEAD + f"def net():\n    part = nn.Sequential(nn.Conv2d(3, 2, 3))\n    return {inner}\n"
    with pytest.raises(MenagerieError, match="returned TorchScript"):
        network_of(tmp_path, code)
    with pytest.raises(MenagerieError, match="TorchScript and other files of weights"):
        build_module(inline_spec("python/net.pt:random"))


def test_lazy_modules_get_their_shapes_and_load_weights(tmp_path):
    code = (
        HEAD + TRANSFORM + "def net():\n    return nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))\n"
    )
    spec = spec_of(tmp_path, code)
    loaded = build_model(spec)
    assert loaded.module(ONES).shape == (2, 5)
    torch.save(loaded.module.state_dict(), tmp_path / "w.pth")
    trained = inline_spec(f"python/{tmp_path / 'net.py'}:net@{tmp_path / 'w.pth'}")
    fetch_weights(trained, tmp_path / "w.safetensors")
    again = build_model(trained, tmp_path / "w.safetensors")
    assert torch.equal(again.module(ONES), loaded.module(ONES))
    wrong = HEAD + TRANSFORM + "def net():\n    return nn.Sequential(nn.LazyLinear(4), nn.Conv2d(3, 3, 40))\n"
    with pytest.raises(MenagerieError, match=r"lazy modules.*16 x 16"):
        network_of(tmp_path, wrong, "wrong")


@pytest.mark.parametrize("kind", ["half", "double", "bfloat16"])
def test_other_precisions_run_in_single(tmp_path, kind):
    net = network_of(tmp_path, HEAD + f"def net():\n    return nn.Conv2d(3, 2, 3).{kind}()\n")
    assert net(ONES).dtype == torch.float32


@pytest.mark.parametrize("wrapper", ["nn.DataParallel", "torch.compile"])
def test_wrappers_are_taken_off(tmp_path, wrapper):
    net = network_of(tmp_path, HEAD + f"def net():\n    return {wrapper}(nn.Sequential(nn.Conv2d(3, 2, 3)))\n")
    assert list(net.state_dict()) == ["0.weight", "0.bias"]


def test_scaling_in_place_leaves_the_images_alone(tmp_path):
    code = HEAD + "class Net(nn.Module):\n    def forward(self, x):\n        return x.sub_(0.5).div_(0.25)\n"
    net, images = network_of(tmp_path, code + "def net():\n    return Net()\n"), ONES.clone()
    assert torch.equal(net(images), net(images)) and torch.equal(images, ONES)


OPENS = HEAD + (
    "import json\nfrom pathlib import Path\n"
    "def net():\n    n = json.loads((Path(__file__).parent / 'sizes.json').read_text())\n"
    "    return nn.Conv2d(3, n, 3)\n"
)


def test_a_data_file_that_is_not_declared_is_refused(tmp_path):
    with pytest.raises(MenagerieError, match=r'opens sizes\.json.*SOURCES = \["sizes\.json"\]'):
        network_of(tmp_path, OPENS, sizes__json="4")


def test_a_data_file_that_is_declared_counts(tmp_path):
    spec = spec_of(tmp_path, 'SOURCES = ["sizes.json"]\n' + OPENS, sizes__json="4")
    assert build_module(spec).out_channels == 4
    assert network_files(spec) == [tmp_path / "net.py", tmp_path / "sizes.json"]


def test_neighbours_declare_what_they_open(tmp_path):
    code = HEAD + "from parts import n\ndef net():\n    return nn.Conv2d(3, n, 3)\n"
    parts = (
        'SOURCES: list = ["n.txt"]\nfrom pathlib import Path\nn = int(Path(__file__).with_name("n.txt").read_text())\n'
    )
    spec = spec_of(tmp_path, code, parts__py=parts, n__txt="5")
    assert build_module(spec).out_channels == 5
    assert network_files(spec) == [tmp_path / name for name in ("net.py", "parts.py", "n.txt")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SOURCES = [name + '.json' for name in 'ab']", "read without running the file"),
        ("SOURCES = ['none.json']", r"names .*none\.json, expected a file there"),
    ],
)
def test_wrong_declarations_are_named(tmp_path, line, message):
    spec = spec_of(tmp_path, line + "\n" + OPENS, sizes__json="4")
    for look in (network_files, build_module):
        with pytest.raises(MenagerieError, match=message):
            look(spec)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def net(:\n", "cannot be run: .*line 1: SyntaxError"),
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def net():\n    raise ValueError('seven')\n", "net of .* failed: ValueError: seven"),
        ("import argparse\nargparse.ArgumentParser().parse_args(['--width'])\n", "ends Python when it is imported"),
        ("import sys\ndef net():\n    sys.exit('no GPU')\n", "net of .* failed: SystemExit: no GPU"),
        ("from torch import nn\nnet = nn.ReLU()\n", "net of .* is a network itself, expected a function"),
        (
            f"{HEAD}def net():\n    return nn.Sequential(torch.ao.nn.quantized.Linear(2, 2))\n",
            r"quantised network \(0\)",
        ),
    ],
)
def test_failures_of_the_user_s_code_name_the_file(tmp_path, code, message):
    with pytest.raises(MenagerieError, match=message):
        network_of(tmp_path, code)


CHANGES = """
import os
os.chdir(os.path.dirname(__file__))
torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
SOURCES = ["width.txt"]

class Net(nn.Module):
    def forward(self, images):
        return images[:, : int(open("width.txt").read())]

def net():
    assert open("width.txt").read() == "2"
    return Net()
"""


def test_what_a_file_changes_for_everyone_is_set_back(tmp_path, monkeypatch):
    """Its working folder stays its own: it is there again whenever its code runs."""
    monkeypatch.chdir(tmp_path)
    network = network_of(tmp_path / "lab", HEAD + CHANGES, width__txt="2")
    assert Path.cwd() == tmp_path and network(ONES).shape == (2, 2, 16, 16) and Path.cwd() == tmp_path
    assert torch.zeros(1).dtype == torch.float32 and torch.zeros(1).device.type == "cpu"


def test_networks_that_take_more_than_images_are_told(tmp_path):
    code = "class Net(nn.Module):\n    def forward(self, {}):\n        return {}\ndef net():\n    return Net()\n"
    for inputs, output, error in (
        ("images, time", "images * time", "TypeError: .*missing 1 required positional argument: 'time'"),
        ("batch", "batch.pixel_values", "AttributeError: 'Tensor' object has no attribute 'pixel_values'"),
    ):
        network = network_of(tmp_path / inputs[:5], HEAD + code.format(inputs, output))
        with pytest.raises(MenagerieError, match=f"{error}.*put it into a module whose forward takes images alone"):
            take_inventory(network, (3, 16, 16))
