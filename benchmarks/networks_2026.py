"""Networks of 2026 by (package, name), untrained: what benchmarks/parity_2026.py and tests/parity build.

transformers' names are kinds of configuration, shrunk to a few blocks where the usual size takes minutes in double
precision. Nothing is downloaded.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

import torch
from torch import nn

SMALL = {"hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 192}
STAGES = {"hidden_sizes": [24, 48, 96, 192], "depths": [2, 2, 3, 2]}
WINDOWS = {"embed_dim": 48, "depths": [2, 2], "num_heads": [3, 6]}
DECODER = {
    "decoder_hidden_size": 96,
    "decoder_num_hidden_layers": 2,
    "decoder_num_attention_heads": 3,
    "decoder_intermediate_size": 192,
}
DPT = SMALL | {
    "image_size": 224,
    "num_hidden_layers": 4,
    "backbone_out_indices": [0, 1, 2, 3],
    "neck_hidden_sizes": [24, 48, 96, 96],
    "fusion_hidden_size": 48,
}
SAM = {
    "vision_config": SMALL | {"image_size": 256, "global_attn_indexes": [2]},
    "prompt_encoder_config": {"image_size": 256},
}
DINOV2 = {"hidden_size": 384, "num_attention_heads": 6}

# kind -> class, configuration class, arguments, side of the input
TRANSFORMERS: dict[str, tuple[str, str, dict, int]] = {
    "beit": ("BeitModel", "BeitConfig", SMALL | {"use_relative_position_bias": True}, 224),
    "blip": ("BlipVisionModel", "BlipVisionConfig", SMALL | {"image_size": 224}, 224),
    "clip_b32": ("CLIPVisionModel", "CLIPVisionConfig", {}, 224),
    "clip_vision": ("CLIPVisionModelWithProjection", "CLIPVisionConfig", SMALL, 224),
    "convnextv2": ("ConvNextV2Model", "ConvNextV2Config", STAGES, 224),
    "data2vec": ("Data2VecVisionModel", "Data2VecVisionConfig", SMALL, 224),
    "depth_anything": ("DepthAnythingForDepthEstimation", "DepthAnythingConfig", {}, 224),
    "dinov2_reg_small": ("Dinov2WithRegistersModel", "Dinov2WithRegistersConfig", SMALL, 224),
    "dinov2_small": ("Dinov2Model", "Dinov2Config", DINOV2 | {"image_size": 518}, 518),
    "dinov2_small_224": ("Dinov2Model", "Dinov2Config", DINOV2, 224),
    "dinov3_convnext": ("DINOv3ConvNextModel", "DINOv3ConvNextConfig", STAGES, 224),
    "dinov3_small": ("DINOv3ViTModel", "DINOv3ViTConfig", {}, 224),
    "dpt": ("DPTForDepthEstimation", "DPTConfig", DPT, 224),
    "hiera": ("HieraModel", "HieraConfig", {"embed_dim": 24, "depths": [1, 2, 3, 1]}, 224),
    "ijepa": ("IJepaModel", "IJepaConfig", SMALL, 224),
    "mobilevit": ("MobileViTModel", "MobileViTConfig", {}, 256),
    "sam": ("SamModel", "SamConfig", SAM, 256),
    "sam_vision": ("SamVisionModel", "SamVisionConfig", SMALL | {"image_size": 512, "global_attn_indexes": [2]}, 512),
    "segformer": ("SegformerModel", "SegformerConfig", {}, 224),
    "segformer_seg": ("SegformerForSemanticSegmentation", "SegformerConfig", {}, 224),
    "siglip_vision": ("SiglipVisionModel", "SiglipVisionConfig", SMALL, 224),
    "swin": ("SwinModel", "SwinConfig", WINDOWS, 224),
    "swinv2": ("Swinv2Model", "Swinv2Config", WINDOWS, 224),
    "videomae": ("VideoMAEModel", "VideoMAEConfig", SMALL | {"num_frames": 4}, 224),
    "vit_mae": ("ViTMAEForPreTraining", "ViTMAEConfig", SMALL | DECODER, 224),
    "vit_mae_model": ("ViTMAEModel", "ViTMAEConfig", SMALL, 224),
    "vjepa2": ("VJEPA2Model", "VJEPA2Config", {"crop_size": 128, "frames_per_clip": 4, "num_hidden_layers": 2}, 128),
}


def build(package: str, name: str) -> tuple[nn.Module, int]:
    """Network at its package's initialisation with seed 0, in evaluation mode, and the side of its input in pixels.

    Raises
    ------
    Exception
        Whatever the package raises where the network cannot be built.
    """
    torch.manual_seed(0)
    module, side = BUILDERS[package](name)
    return module.eval().requires_grad_(False), side


def _timm(name: str) -> tuple[nn.Module, int]:
    import timm

    architecture, _, options = name.removesuffix(")").partition("(")
    keywords = {
        word.arg: ast.literal_eval(word.value) for word in ast.parse(f"f({options})", mode="eval").body.keywords
    }
    module = timm.create_model(architecture, pretrained=False, **keywords)
    return module, keywords.get("img_size") or module.pretrained_cfg["input_size"][-1]


def _torchvision(name: str) -> tuple[nn.Module, int]:
    import torchvision

    if name == "r3d_18":
        return Still(torchvision.models.get_model(name, weights=None), 4, frames_first=False), 112
    quick = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    segments = {"weights_backbone": None} if name.startswith(("fcn", "fasterrcnn")) else {}
    module = torchvision.models.get_model(name, weights=None, **quick, **segments)
    return module, {"inception_v3": 299, "fasterrcnn_mobilenet_v3_large_320_fpn": 320}.get(name, 224)


def _open_clip(name: str) -> tuple[nn.Module, int]:
    import open_clip
    from open_clip.model import _build_vision_tower

    config = open_clip.get_model_config(name.partition(".")[0])
    # The text tower of some needs files of the hub.
    tower = _build_vision_tower(config["embed_dim"], config["vision_cfg"] | {"timm_model_pretrained": False})
    size = config["vision_cfg"]["image_size"]
    return tower, size if isinstance(size, int) else size[0]


def _transformers(name: str) -> tuple[nn.Module, int]:
    import transformers

    kind, config_kind, arguments, side = TRANSFORMERS[name]
    config = getattr(transformers, config_kind)(**arguments)
    config._attn_implementation = "eager"
    network = getattr(transformers, kind)(config)
    return (Still(network, 4) if name in ("videomae", "vjepa2") else network), side


class Still(nn.Module):
    """A video network that is shown one still for so many frames, images ``(b, 3, h, w)``."""

    def __init__(self, network: nn.Module, n_frames: int, *, frames_first: bool = True):
        super().__init__()
        self.network, self.n_frames, self.axis = network, n_frames, 1 if frames_first else 2

    def forward(self, images: torch.Tensor) -> object:
        """What the video network returns."""
        return self.network(images.unsqueeze(self.axis).repeat_interleave(self.n_frames, dim=self.axis))


BUILDERS: dict[str, Callable[[str], tuple[nn.Module, int]]] = {
    "open_clip": _open_clip,
    "timm": _timm,
    "torchvision": _torchvision,
    "transformers": _transformers,
}
