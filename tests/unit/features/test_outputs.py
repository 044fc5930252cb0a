"""What modules return is opened, whatever holds it."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from menagerie.features.collect import layer_features
from menagerie.features.outputs import tensors
from menagerie.features.take_inventory import list_layers

Pair = namedtuple("Pair", "one two")
X = torch.ones(2)


@dataclass
class Output:
    logits: Tensor
    hidden: list = field(default_factory=list)


@dataclass(slots=True)
class Slotted:
    logits: Tensor


class Distribution:
    def __init__(self):
        self.loc, self.scale, self.name = X, X, "normal"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (X, ["m"]),
        ((X, None, [X]), ["m[0]", "m[2][0]"]),
        (OrderedDict(a=X, b={"c": X}), ["m[a]", "m[b][c]"]),
        (MappingProxyType({"a": X}), ["m[a]"]),
        (Pair(X, X), ["m[0]", "m[1]"]),
        (Output(X, [X, X]), ["m[logits]", "m[hidden][0]", "m[hidden][1]"]),
        (Slotted(X), ["m[logits]"]),
        (SimpleNamespace(a=X), ["m[a]"]),
        (Distribution(), ["m[loc]", "m[scale]"]),
        ("text", []),
        (nn.Linear(1, 1), []),
        (Output, []),
    ],
)
def test_tensors_by_name(output, expected):
    assert [name for name, _ in tensors("m", output)] == expected


def test_an_object_within_itself_is_opened_once():
    loop = SimpleNamespace(a=X)
    loop.again = [loop]
    assert [name for name, _ in tensors("m", loop)] == ["m[a]"]


def test_layers_of_a_network_that_returns_a_dataclass():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)

        def forward(self, x):
            x = self.conv(x)
            return Output(x.mean(dim=(2, 3)), [x * x])

    model = Network()
    assert [info.layer for info in list_layers(model, (3, 4, 4))] == ["conv", "output[logits]", "output[hidden][0]"]
    images = torch.randn(4, 3, 4, 4)
    found = layer_features(model, images, ["output[hidden][0]"], batch_size=3)["output[hidden][0]"]
    torch.testing.assert_close(torch.from_numpy(found), (model.conv(images) ** 2).flatten(1).detach())
