"""Trunk of the BiT experts (Puigcerver et al. 2021): timm's ResNet50x1 V2 without its last normalisation and head."""

from __future__ import annotations

import timm
from torch import nn


def bit_expert() -> nn.Module:
    """Images ``(b, 3, 224, 224)`` to features ``(b, 2048, 7, 7)``; 23,496,256 parameters."""
    network = timm.create_model("resnetv2_50x1_bit", pretrained=False, num_classes=0)
    network.norm = nn.Identity()
    network.head = nn.Identity()
    return network
