"""Encoder of the Taskonomy networks (Zamir et al. 2018), as in visualpriors 0.3.5, whose outputs it reproduces.

A ResNet-50 whose strides sit in the last block of a stage, with a strided pooling as that block's shortcut, and whose
output is compressed to eight channels; torchvision and timm cannot be told to build that.
"""

from __future__ import annotations

from torch import Tensor, nn


class Bottleneck(nn.Module):
    """Residual block of three convolutions: ``(b, n_in, h, w)`` to ``(b, 4 width, h / stride, w / stride)``."""

    def __init__(self, n_in: int, width: int, stride: int = 1, downsample: nn.Module | None = None):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU()
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)


def _stage(n_in: int, width: int, n_blocks: int, stride: int) -> nn.Sequential:
    widen = nn.Sequential(nn.Conv2d(n_in, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width))
    shrink = nn.Sequential(nn.MaxPool2d(1, stride)) if stride > 1 else None
    middle = [Bottleneck(4 * width, width) for _ in range(n_blocks - 2)]
    return nn.Sequential(
        Bottleneck(n_in, width, downsample=widen), *middle, Bottleneck(4 * width, width, stride, shrink)
    )


class TaskonomyEncoder(nn.Module):
    """Images ``(b, 3, 256, 256)`` to codes ``(b, 8, 16, 16)``; 23,655,504 parameters."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        # Hanging over the lower and right edge only, as in TensorFlow.
        self.maxpool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.layer1 = _stage(64, 64, 3, 2)
        self.layer2 = _stage(256, 128, 4, 2)
        self.layer3 = _stage(512, 256, 6, 1)
        self.layer4 = _stage(1024, 512, 3, 1)
        self.compress1 = nn.Conv2d(2048, 8, 3, 1, 1, bias=False)
        self.compress_bn = nn.BatchNorm2d(8)
        self.relu1 = nn.ReLU()
        self.groupnorm = nn.GroupNorm(8, 8, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.groupnorm(self.relu1(self.compress_bn(self.compress1(x))))
