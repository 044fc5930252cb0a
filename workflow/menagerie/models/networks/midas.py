"""MiDaS 2.1, monocular depth (Ranftl et al. 2020): ResNeXt-101 32x8d and a decoder of refining blocks."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models import resnext101_32x8d

N_CHANNELS = 256


class Interpolate(nn.Module):
    """Twice the size, bilinear."""

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class ResidualUnit(nn.Module):
    """Two convolutions beside a shortcut; the shape stays."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(N_CHANNELS, N_CHANNELS, 3, 1, 1)
        self.conv2 = nn.Conv2d(N_CHANNELS, N_CHANNELS, 3, 1, 1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        # The first ReLU of the original works in place, so that its shortcut is rectified too.
        x = self.relu(x)
        return self.conv2(self.relu(self.conv1(x))) + x


class Refine(nn.Module):
    """Joins a coarse map ``(b, c, h, w)`` with the next finer one, where there is one: ``(b, c, 2 h, 2 w)``."""

    def __init__(self, two_inputs: bool):
        super().__init__()
        if two_inputs:
            self.resConfUnit1 = ResidualUnit()
        self.resConfUnit2 = ResidualUnit()

    def forward(self, x: Tensor, finer: Tensor | None = None) -> Tensor:
        if finer is not None:
            x = x + self.resConfUnit1(finer)
        return interpolate(self.resConfUnit2(x), scale_factor=2, mode="bilinear", align_corners=True)


class MiDaS(nn.Module):
    """Images, sides divisible by 32, to inverse depth ``(b, h, w)``; 104,182,785 parameters.

    The original has 1,180,160 more, in a unit of its coarsest block that never runs.
    """

    def __init__(self):
        super().__init__()
        encoder = resnext101_32x8d()
        stem = nn.Sequential(encoder.conv1, encoder.bn1, encoder.relu, encoder.maxpool, encoder.layer1)
        self.pretrained = nn.ModuleDict(
            {"layer1": stem, "layer2": encoder.layer2, "layer3": encoder.layer3, "layer4": encoder.layer4}
        )
        scratch: dict[str, nn.Module] = {}
        for level, width in enumerate((256, 512, 1024, 2048), start=1):
            scratch[f"layer{level}_rn"] = nn.Conv2d(width, N_CHANNELS, 3, 1, 1, bias=False)
            scratch[f"refinenet{level}"] = Refine(two_inputs=level < 4)
        scratch["output_conv"] = nn.Sequential(
            nn.Conv2d(N_CHANNELS, 128, 3, 1, 1),
            Interpolate(),
            nn.Conv2d(128, 32, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
            nn.ReLU(),
        )
        self.scratch = nn.ModuleDict(scratch)

    def forward(self, x: Tensor) -> Tensor:
        narrowed = []
        for level in (1, 2, 3, 4):
            x = self.pretrained[f"layer{level}"](x)
            narrowed.append(self.scratch[f"layer{level}_rn"](x))
        path = self.scratch["refinenet4"](narrowed[3])
        for level in (3, 2, 1):
            path = self.scratch[f"refinenet{level}"](path, narrowed[level - 1])
        return self.scratch["output_conv"](path).squeeze(1)
