"""What attention computes without a module of its own: maps and joint projections."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps

import torch
from torch import Tensor, nn
from torch.nn import functional

MAP = "attention"
"""``path[attention]``: map of a module that calls PyTorch's fused attention, with an axis of heads."""

PROJECTION = "in_proj"
"""``path[in_proj]``: queries, keys and values of :class:`torch.nn.MultiheadAttention`, as timm's ``qkv`` has them."""

Offer = Callable[[str, Callable[[], Tensor]], None]
"""Called with the key of a hidden tensor and what computes it, the moment the network has come there."""


@contextmanager
def fused_attention_seen(offer: Offer) -> Iterator[None]:
    """Offer the map of every call of ``torch.nn.functional.scaled_dot_product_attention`` in this block.

    The network goes on with what the fused kernel returned, whether or not the map is asked for. torchvision,
    open_clip and :class:`torch.nn.TransformerEncoder` compute attention this way.
    """
    original = functional.scaled_dot_product_attention

    @wraps(original)
    def seen(query: Tensor, key: Tensor, value: Tensor, *args: object, **kwargs: object) -> Tensor:
        offer(MAP, partial(attention_map, query, key, *args, **kwargs))
        return original(query, key, value, *args, **kwargs)

    functional.scaled_dot_product_attention = seen
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = original


def attention_map(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Softmax of scaled, masked products of queries and keys, as PyTorch's documentation defines it.

    Parameters
    ----------
    query, key
        ``(..., heads, l, e)`` and ``(..., heads, s, e)``; arguments as of ``scaled_dot_product_attention``.

    Returns
    -------
    Tensor
        ``(..., heads, l, s)``, before dropout. A row that is masked throughout is 0.
    """
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), dim=-3)
    products = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.size(-1)) if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(products.shape[-2:], dtype=torch.bool, device=query.device).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        products = products.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        products = products + attn_mask
    return products.softmax(dim=-1).masked_fill((products == -torch.inf).all(dim=-1, keepdim=True), 0)


def offer_projections(module: nn.MultiheadAttention, args: tuple, kwargs: dict, offer: Offer) -> None:
    """Offer the projections with which a call of ``module`` starts: one tensor for self-attention, else three."""
    query, key, value = (
        args[place] if place < len(args) else kwargs[name] for place, name in enumerate(("query", "key", "value"))
    )
    weight, bias = module.in_proj_weight, module.in_proj_bias
    if weight is not None and query is key is value:
        offer(PROJECTION, lambda: functional.linear(query, weight, bias))
        return
    apart = module.q_proj_weight, module.k_proj_weight, module.v_proj_weight
    weights = apart if weight is None else weight.chunk(3)
    biases = [None] * 3 if bias is None else bias.chunk(3)
    for part, given in enumerate((query, key, value)):
        offer(f"{PROJECTION}][{part}", partial(functional.linear, given, weights[part], biases[part]))
