"""YOLOv5, version 6: backbone, neck and convolutions of the detection head, without the decoding of boxes.

Written from the published architecture; layers are numbered as in its checkpoints, so that their keys fit.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# Depth and width multiples of each size.
SIZES = {"n": (1 / 3, 0.25), "s": (1 / 3, 0.5), "m": (2 / 3, 0.75), "l": (1.0, 1.0), "x": (4 / 3, 1.25)}
# Layers whose outputs are used again later on.
CONCATENATE = {12: 6, 16: 4, 19: 14, 22: 10}
DETECT_FROM = (17, 20, 23)
# Classes of COCO, and boxes per place.
N_CLASSES, N_ANCHORS = 80, 3


class Convolution(nn.Module):
    """Convolution, batch normalisation and SiLU: ``(b, n_in, h, w)`` to ``(b, n_out, h / stride, w / stride)``."""

    def __init__(self, n_in: int, n_out: int, size: int = 1, stride: int = 1, padding: int | None = None):
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, size, stride, size // 2 if padding is None else padding, bias=False)
        self.bn = nn.BatchNorm2d(n_out, eps=1e-3, momentum=0.03)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    """Two convolutions, with a shortcut or without; the shape stays."""

    def __init__(self, width: int, shortcut: bool):
        super().__init__()
        self.cv1 = Convolution(width, width)
        self.cv2 = Convolution(width, width, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        new = self.cv2(self.cv1(x))
        return x + new if self.shortcut else new


class CrossStage(nn.Module):
    """Half of the channels go through the bottlenecks, the other half pass by."""

    def __init__(self, n_in: int, n_out: int, n_blocks: int, shortcut: bool = True):
        super().__init__()
        half = n_out // 2
        self.cv1 = Convolution(n_in, half)
        self.cv2 = Convolution(n_in, half)
        self.cv3 = Convolution(2 * half, n_out)
        self.m = nn.Sequential(*(Bottleneck(half, shortcut) for _ in range(n_blocks)))

    def forward(self, x: Tensor) -> Tensor:
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))


class PyramidPooling(nn.Module):
    """Three poolings in a row, all kept."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.cv1 = Convolution(n_in, n_in // 2)
        self.cv2 = Convolution(2 * n_in, n_out)
        self.m = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        levels = [self.cv1(x)]
        for _ in range(3):
            levels.append(self.m(levels[-1]))
        return self.cv2(torch.cat(levels, 1))


class Concatenate(nn.Module):
    """Maps of the same size, one behind the other along the channels."""

    def forward(self, tensors: list[Tensor]) -> Tensor:
        return torch.cat(tensors, 1)


class Detect(nn.Module):
    """One convolution per level; boxes are not decoded."""

    def __init__(self, widths: list[int]):
        super().__init__()
        self.m = nn.ModuleList(nn.Conv2d(width, N_ANCHORS * (N_CLASSES + 5), 1) for width in widths)

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        return [convolution(level) for convolution, level in zip(self.m, levels, strict=True)]


class YOLOv5(nn.Module):
    """Images, sides divisible by 32, to the maps of the head.

    7,235,389 (s), 21,190,557 (m) or 46,563,709 (l) parameters.
    """

    def __init__(self, size: str = "s"):
        super().__init__()
        depth, width = SIZES[size]
        c = [math.ceil(n * width / 8) * 8 for n in (64, 128, 256, 512, 1024)]
        n3, n6, n9 = (max(round(n * depth), 1) for n in (3, 6, 9))
        self.model = nn.ModuleList(
            [
                Convolution(3, c[0], 6, 2, 2),
                Convolution(c[0], c[1], 3, 2),
                CrossStage(c[1], c[1], n3),
                Convolution(c[1], c[2], 3, 2),
                CrossStage(c[2], c[2], n6),
                Convolution(c[2], c[3], 3, 2),
                CrossStage(c[3], c[3], n9),
                Convolution(c[3], c[4], 3, 2),
                CrossStage(c[4], c[4], n3),
                PyramidPooling(c[4], c[4]),
                Convolution(c[4], c[3]),
                nn.Upsample(scale_factor=2, mode="nearest"),
                Concatenate(),
                CrossStage(2 * c[3], c[3], n3, shortcut=False),
                Convolution(c[3], c[2]),
                nn.Upsample(scale_factor=2, mode="nearest"),
                Concatenate(),
                CrossStage(2 * c[2], c[2], n3, shortcut=False),
                Convolution(c[2], c[2], 3, 2),
                Concatenate(),
                CrossStage(2 * c[2], c[3], n3, shortcut=False),
                Convolution(c[3], c[3], 3, 2),
                Concatenate(),
                CrossStage(2 * c[3], c[4], n3, shortcut=False),
                Detect([c[2], c[3], c[4]]),
            ]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs: list[Tensor] = []
        for number, layer in enumerate(self.model[:-1]):
            x = layer([x, outputs[CONCATENATE[number]]] if number in CONCATENATE else x)
            outputs.append(x)
        return self.model[-1]([outputs[number] for number in DETECT_FROM])
