"""AlexNet with group normalisation, for instance-prototype contrastive learning (IPCL, Konkle & Alvarez 2022)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import normalize


def _convolution(n_in: int, n_out: int, size: int, stride: int, padding: int, pool: bool) -> nn.Sequential:
    parts = [nn.Conv2d(n_in, n_out, size, stride, padding, bias=False), nn.GroupNorm(32, n_out), nn.ReLU()]
    return nn.Sequential(*parts, *([nn.MaxPool2d(3, 2)] if pool else []))


def _dense(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU())


class UnitLength(nn.Module):
    """Scale every row to length one."""

    def forward(self, x: Tensor) -> Tensor:
        return normalize(x, dim=1)


class AlexNetGN(nn.Module):
    """Images ``(b, 3, 224, 224)`` to embeddings ``(b, 128)`` of unit length; 58,823,520 parameters."""

    def __init__(self, n_out: int = 128):
        super().__init__()
        self.conv_block_1 = _convolution(3, 96, 11, 4, 2, pool=True)
        self.conv_block_2 = _convolution(96, 256, 5, 1, 2, pool=True)
        self.conv_block_3 = _convolution(256, 384, 3, 1, 1, pool=False)
        self.conv_block_4 = _convolution(384, 384, 3, 1, 1, pool=False)
        self.conv_block_5 = _convolution(384, 256, 3, 1, 1, pool=True)
        self.ave_pool = nn.AdaptiveAvgPool2d(6)
        self.fc6 = _dense(256 * 6 * 6, 4096)
        self.fc7 = _dense(4096, 4096)
        self.fc8 = nn.Sequential(nn.Linear(4096, n_out))
        self.l2norm = UnitLength()

    def forward(self, x: Tensor) -> Tensor:
        for block in (self.conv_block_1, self.conv_block_2, self.conv_block_3, self.conv_block_4, self.conv_block_5):
            x = block(x)
        x = self.ave_pool(x).flatten(1)
        return self.l2norm(self.fc8(self.fc7(self.fc6(x))))
