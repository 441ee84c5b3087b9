"""A linear layer at every step of a loop over time: its weight's gradient is taken once.

    weight -> _Shared -+-> _Step -> y_1        backward: each _Step passes on g_t W and keeps
                       +-> _Step -> y_2        (x_t, g_t); _Shared comes last and takes
                       ...                     sum over t of g_t^T x_t as one product

T products of B rows would each write, and then add up, a gradient of the weight's whole size.
Under autocast the weight is cast once, not at every step, and the sum over time is rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Layer = Callable[[Tensor], Tensor]
Kept = list[tuple[Tensor, Tensor]]  # inputs (N, in) and gradients of outputs (N, out) of each step


def unrolled(layer: nn.Linear) -> Layer:
    """Returns the layer as a function (..., in) -> (..., out) for the steps of one loop.

    It is made anew for each loop, and the loop's graph is gone through backward as a whole, once.
    """
    weight: Tensor = layer.weight
    bias: Tensor | None = layer.bias
    device = weight.device.type
    reduced = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if reduced else weight.dtype
    if not (torch.is_grad_enabled() and weight.requires_grad):
        weight, bias = weight.to(dtype), None if bias is None else bias.to(dtype)
        return lambda x: F.linear(x.to(dtype), weight, bias)
    kept: Kept = []
    weight, bias = _Shared.apply(weight, bias, dtype, kept)
    return lambda x: cast(Tensor, _Step.apply(x.to(dtype), weight, bias, kept))


class _Shared(torch.autograd.Function):
    """Hands one layer's weights to the steps of a loop; takes their gradient when all are done."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, kept: Kept
    ) -> tuple[Tensor, Tensor | None]:
        """Returns copies of weight (out, in) and bias (out,), cast to `dtype`."""
        ctx.set_materialize_grads(False)
        ctx.kept, ctx.dtype, ctx.biased = kept, weight.dtype, bias is not None
        return weight.to(dtype, copy=True), None if bias is None else bias.to(dtype, copy=True)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> tuple[Tensor | None, Tensor | None, None, None]:
        """Returns the gradients of weight and bias over what the steps kept, and forgets it."""
        if not ctx.kept:
            return None, None, None, None
        inputs, gradients = (torch.cat(parts) for parts in zip(*ctx.kept))
        ctx.kept.clear()
        bias = gradients.sum(0, dtype=ctx.dtype) if ctx.biased else None
        return (gradients.T @ inputs).to(ctx.dtype), bias, None, None


class _Step(torch.autograd.Function):
    """The layer at one step."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, kept: Kept) -> Tensor:
        """Returns (..., out) of x (..., in)."""
        ctx.save_for_backward(x, weight)
        ctx.kept = kept
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None, None]:
        """Returns the gradient of x, and keeps what the weight's is made of."""
        x, weight = ctx.saved_tensors
        ctx.kept.append((x.flatten(0, -2), gradient.flatten(0, -2)))
        return (gradient @ weight if ctx.needs_input_grad[0] else None), None, None, None
