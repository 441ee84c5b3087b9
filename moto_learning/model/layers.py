"""Dense layers: one perceptron, and M of them computed as one batched product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moto_learning.config import HeadConfig
from moto_learning.model.unrolled import Layer, unrolled


def glorot(weight: Tensor, fan_in: int, fan_out: int) -> None:
    """Fills a weight in place with Glorot's uniform distribution for the given fans [D]."""
    bound = math.sqrt(6 / (fan_in + fan_out))
    with torch.no_grad():
        weight.uniform_(-bound, bound)


def linear(inputs: int, outputs: int, bias: bool = True, fan_in: int = 0) -> nn.Linear:
    """Makes a Linear with Glorot weights and no bias at first.

    `fan_in` is the width of the whole input if this layer sees only a part of it.
    """
    layer = nn.Linear(inputs, outputs, bias)
    glorot(layer.weight, fan_in or inputs, outputs)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class MLP(nn.Module):
    """Maps (..., inputs) to (..., outputs) through layers with ELU."""

    def __init__(self, inputs: int, units: list[int], outputs: int) -> None:
        super().__init__()
        widths = [inputs, *units]
        self.hidden = nn.ModuleList(linear(a, b) for a, b in zip(widths, widths[1:]))
        self.out = linear(widths[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (..., outputs)."""
        return _through([*self.hidden, self.out], x)

    def unrolled(self) -> Layer:
        """Returns it as a function for the steps of one loop, see unrolled.py."""
        layers = [unrolled(cast(nn.Linear, layer)) for layer in (*self.hidden, self.out)]
        return lambda x: _through(layers, x)


def whole(x: Tensor) -> Tensor:
    """Returns x in float32 if a product under autocast gave it a smaller type."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def _through(layers: Sequence[Layer], x: Tensor) -> Tensor:
    """Maps (..., inputs) to (..., outputs), with ELU between the layers."""
    *hidden, last = layers
    for layer in hidden:
        x = F.elu(layer(x))
    return whole(last(x))


def head(inputs: int, config: HeadConfig, outputs: int) -> MLP:
    """Makes the MLP that a HeadConfig describes."""
    return MLP(inputs, [config.units] * config.layers, outputs)


class EnsembleLinear(nn.Module):
    """M linear layers as one batched product: weight (M, in, out), bias (M, 1, out)."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))
        glorot(self.weight, inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (M, N, in), or (N, in) for every member alike, to (M, N, out)."""
        if x.ndim == 2:
            x = x.expand(self.weight.shape[0], *x.shape)
        return torch.baddbmm(self.bias, x, self.weight)

    def member(self, x: Tensor, index: Tensor) -> Tensor:
        """Maps (N, in) to (N, out) through member `index` () alone."""
        bias, weight = (part.index_select(0, index)[0] for part in (self.bias, self.weight))
        return torch.addmm(bias, x, weight)


class EnsembleNorm(nn.Module):
    """Layer normalisation with scale and offset of each member's own, (M, 1, width)."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(members, 1, width))
        self.offset = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (M, N, width) to the same shape."""
        return F.layer_norm(x, x.shape[-1:], eps=1e-3) * self.scale + self.offset

    def member(self, x: Tensor, index: Tensor) -> Tensor:
        """Maps (N, width) as member `index` () does."""
        scale, offset = (part.index_select(0, index)[0] for part in (self.scale, self.offset))
        return F.layer_norm(x, x.shape[-1:], eps=1e-3) * scale + offset


class EnsembleMLP(nn.Module):
    """M perceptrons with ELU, each with its own layers, as batched products.

    With `normalize` each hidden layer's output is normalised before ELU, with a scale and an
    offset of every member's own.
    """

    def __init__(
        self, members: int, inputs: int, units: list[int], outputs: int, normalize: bool = False
    ) -> None:
        super().__init__()
        widths = [inputs, *units, outputs]
        self.layers = nn.ModuleList(
            EnsembleLinear(members, a, b) for a, b in zip(widths, widths[1:])
        )
        norms = units if normalize else []
        self.norms = nn.ModuleList(EnsembleNorm(members, width) for width in norms)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, inputs), or (M, N, inputs) of each member's own, to (M, N, outputs)."""
        for index, layer in enumerate(self.layers[:-1]):
            x = layer(x)
            x = F.elu(self.norms[index](x) if self.norms else x)
        return whole(self.layers[-1](x))

    def member(self, x: Tensor, index: Tensor) -> Tensor:
        """Maps (N, inputs) to (N, outputs) through member `index` () alone."""
        *hidden, last = cast('list[EnsembleLinear]', list(self.layers))
        norms = cast('list[EnsembleNorm]', list(self.norms))
        for place, layer in enumerate(hidden):
            x = layer.member(x, index)
            x = F.elu(norms[place].member(x, index) if norms else x)
        return whole(last.member(x, index))
