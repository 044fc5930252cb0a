"""Evaluation mode, in which a network computes the same for the same image and hides no step that a module does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def plain_evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; the former state comes back at the end.

    Attention takes its unfused form, in which attention maps pass through modules, and masked autoencoders see whole
    images (:func:`_unmasked`).
    """
    training = {module: module.training for module in model.modules()}
    with ExitStack() as stack:
        stack.callback(_restore, training)
        model.eval()
        stack.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
        torch.backends.mha.set_fastpath_enabled(False)
        for module in model.modules():
            # timm's modules read the global switch when they are built, so it is their own attribute that counts.
            if hasattr(module, "fused_attn"):
                stack.callback(setattr, module, "fused_attn", module.fused_attn)
                module.fused_attn = False
            if callable(getattr(module, "random_masking", None)):
                stack.enter_context(_unmasked(module))
        with torch.inference_mode():
            yield


def _restore(training: dict[nn.Module, bool]) -> None:
    for module, flag in training.items():
        module.training = flag


@contextmanager
def _unmasked(module: nn.Module) -> Iterator[None]:
    """Masked autoencoders of transformers mask patches at random in evaluation mode too (ViTMAE, Hiera).

    Their own two switches show them the whole image, patch after patch: a mask ratio of 0, and ``noise`` in ascending
    order, by whose rank the patches would be shuffled.
    """
    holder = module if hasattr(module, "mask_ratio") else getattr(module, "config", None)
    mask = module.random_masking

    def keep_all(images: Tensor, noise: Tensor | None = None) -> tuple:
        units = math.prod(module.mask_spatial_shape) if hasattr(module, "mask_spatial_shape") else images.shape[1]
        return mask(images, noise=torch.arange(units, device=images.device).expand(len(images), -1))

    if not hasattr(holder, "mask_ratio"):
        yield
        return
    former = holder.mask_ratio
    try:
        holder.mask_ratio = 0.0
        module.random_masking = keep_all
        yield
    finally:
        holder.mask_ratio = former
        vars(module).pop("random_masking", None)
