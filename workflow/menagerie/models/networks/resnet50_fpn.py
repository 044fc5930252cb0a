"""Backbones of Detectron2's R50-FPN detectors: ResNet-50, frozen normalisation, feature pyramid (Lin et al. 2017).

As in the weights of 2015, the strides of a stage sit in its first 1x1 convolution. Detectron2 hides normalisation
inside its convolutions; here, as in torchvision, both are modules.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate, relu
from torchvision.models import resnet50
from torchvision.ops.misc import FrozenBatchNorm2d

N_CHANNELS = 256


class BottomUp(nn.Module):
    """ResNet-50 without its head; returns the outputs of the four stages."""

    def __init__(self):
        super().__init__()
        whole = resnet50(norm_layer=FrozenBatchNorm2d)
        for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            setattr(self, name, getattr(whole, name))
        for stage in (self.layer2, self.layer3, self.layer4):
            stage[0].conv1.stride, stage[0].conv2.stride = stage[0].conv2.stride, stage[0].conv1.stride

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        outputs = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            outputs.append(x)
        return outputs


class LastLevelPool(nn.Module):
    """The coarsest level of the R-CNN pyramids: every second pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, ::2, ::2]


class LastLevelConvolutions(nn.Module):
    """The two coarsest levels of RetinaNet's pyramid, from the last stage of the ResNet."""

    def __init__(self):
        super().__init__()
        self.p6 = nn.Conv2d(2048, N_CHANNELS, 3, 2, 1)
        self.p7 = nn.Conv2d(N_CHANNELS, N_CHANNELS, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.p7(relu(self.p6(x)))


class ResNet50FPN(nn.Module):
    """Images to the levels of the pyramid; 26,799,296 parameters, or 31,452,352 as in RetinaNet."""

    def __init__(self, retinanet: bool = False):
        super().__init__()
        self.bottom_up = BottomUp()
        self.levels = (3, 4, 5) if retinanet else (2, 3, 4, 5)
        for level in self.levels:
            setattr(self, f"fpn_lateral{level}", nn.Conv2d(N_CHANNELS * 2 ** (level - 2), N_CHANNELS, 1))
            setattr(self, f"fpn_output{level}", nn.Conv2d(N_CHANNELS, N_CHANNELS, 3, 1, 1))
        self.top_block = LastLevelConvolutions() if retinanet else LastLevelPool()

    def forward(self, x: Tensor) -> list[Tensor]:
        stages = self.bottom_up(x)
        summed, outputs = None, []
        for level in reversed(self.levels):
            lateral = getattr(self, f"fpn_lateral{level}")(stages[level - 2])
            if summed is not None:
                lateral = lateral + interpolate(summed, size=lateral.shape[-2:], mode="nearest")
            summed = lateral
            outputs.append(getattr(self, f"fpn_output{level}")(summed))
        top = stages[-1] if isinstance(self.top_block, LastLevelConvolutions) else outputs[0]
        return [self.top_block(top), *outputs]
