"""Encoder and decoder: cameras and proprioception to one embedding, latent states back to them.

    images {camera: (..., h, w, 3) uint8}, proprioception (..., P)  ->  embed (..., E)
    feat (..., F)  ->  images {camera: (..., 3, h, w)} about 0, proprioception (..., P)

One stack of convolutions a camera, as DreamerV2's; the decoder mirrors the encoder's sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moto_core.errors import ConfigError
from moto_core.spec import Spec
from moto_learning.config import EncoderConfig
from moto_learning.model.layers import MLP, glorot, linear


def normalize(image: Tensor) -> Tensor:
    """Returns (N, 3, h, w) float in [-0.5, 0.5] of (N, h, w, 3) uint8; a channels-last view."""
    return image.to(torch.float32, copy=True).div_(255).sub_(0.5).permute(0, 3, 1, 2)


def conv_sizes(height: int, width: int, config: EncoderConfig) -> list[tuple[int, int]]:
    """Lists (height, width) [px] before the first convolution and after each.

    Raises ConfigError if the image is too small for so many convolutions.
    """
    sizes = [(height, width)]
    for _ in config.channels:
        size = tuple(
            (n + 2 * config.padding - config.kernel) // config.stride + 1 for n in sizes[-1]
        )
        if min(size) < 1:
            raise ConfigError(
                f'images of {height} x {width} px are too small for '
                f'{len(config.channels)} convolutions; use fewer '
                'encoder.channels, or encoder.padding=1'
            )
        sizes.append((size[0], size[1]))
    return sizes


class Encoder(nn.Module):
    """Embeds one observation, or a stack of frames: the cameras' features, proprioception's."""

    def __init__(self, spec: Spec, config: EncoderConfig, frames: int = 1) -> None:
        super().__init__()
        self.cameras = nn.ModuleDict()
        self.size = 0
        for name, camera in spec.cameras.items():
            widths = [3 * frames, *config.channels]
            self.cameras[name] = nn.ModuleList(
                _conv(nn.Conv2d(a, b, config.kernel, config.stride, config.padding))
                for a, b in zip(widths, widths[1:])
            )
            sizes = conv_sizes(camera.height, camera.width, config)
            self.size += widths[-1] * prod(sizes[-1])
        self.proprioception: MLP | None = None
        if spec.proprioception_size:
            *units, last = config.proprioception
            self.proprioception = MLP(spec.proprioception_size, units, last)
            self.size += last
        if not self.size:
            raise ConfigError('the spec has neither a camera nor proprioception to learn from')

    def forward(
        self, images: Mapping[str, Tensor], proprioception: Tensor | None = None
    ) -> Tensor:
        """Returns embed (..., E) of uint8 images (..., h, w, 3) and proprioception (..., P)."""
        parts = []
        for name, convolutions in self.cameras.items():
            image = images[name]
            x = normalize(image.reshape(-1, *image.shape[-3:]))  # (N, 3, h, w)
            for convolution in cast(nn.ModuleList, convolutions):
                x = F.elu(convolution(x))
            parts.append(x.reshape(*image.shape[:-3], -1))
        if self.proprioception is not None:
            assert proprioception is not None, 'the spec has proprioception; none was given'
            parts.append(F.elu(self.proprioception(proprioception)))
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]


class Decoder(nn.Module):
    """Predicts the images and proprioception of a latent state; means of unit normals."""

    def __init__(self, spec: Spec, config: EncoderConfig, feat: int) -> None:
        super().__init__()
        self.cameras = nn.ModuleDict(
            {
                name: ConvDecoder(conv_sizes(camera.height, camera.width, config), config, feat)
                for name, camera in spec.cameras.items()
            }
        )
        self.proprioception: MLP | None = None
        if spec.proprioception_size:
            self.proprioception = MLP(feat, config.proprioception[::-1], spec.proprioception_size)

    def forward(self, feat: Tensor) -> dict[str, Tensor]:
        """Returns {camera: (N, 3, h, w) about 0} of feat (N, F)."""
        return {name: decoder(feat) for name, decoder in self.cameras.items()}

    @torch.no_grad()
    def begin_at(self, images: Mapping[str, Tensor]) -> None:
        """Sets pixel biases, if there are any, to the mean of images (..., h, w, 3) uint8."""
        for name, decoder in self.cameras.items():
            bias = cast(ConvDecoder, decoder).pixel_bias
            if bias is not None:
                image = images[name]
                bias.copy_(normalize(image.reshape(-1, *image.shape[-3:])).mean(0))


class ConvDecoder(nn.Module):
    """Transposed convolutions through the encoder's sizes in reverse."""

    def __init__(self, sizes: list[tuple[int, int]], config: EncoderConfig, feat: int) -> None:
        super().__init__()
        self.start = (config.channels[-1], *sizes[-1])
        self.dense = linear(feat, prod(self.start))
        widths = [*config.channels[::-1], 3]
        layers = []
        for i, (small, large) in enumerate(zip(sizes[:0:-1], sizes[-2::-1])):
            reached = [(n - 1) * config.stride - 2 * config.padding + config.kernel for n in small]
            rest = (large[0] - reached[0], large[1] - reached[1])
            layers.append(
                _conv(
                    nn.ConvTranspose2d(
                        widths[i],
                        widths[i + 1],
                        config.kernel,
                        config.stride,
                        config.padding,
                        rest,
                    )
                )
            )
        self.layers = nn.ModuleList(layers)
        self.pixel_bias: nn.Parameter | None = None
        if config.pixel_bias:
            self.pixel_bias = nn.Parameter(torch.zeros(3, *sizes[0]))

    def forward(self, feat: Tensor) -> Tensor:
        """Returns (N, 3, h, w) of feat (N, F)."""
        x = self.dense(feat).reshape(-1, *self.start)
        x = x.contiguous(memory_format=torch.channels_last)
        for layer in self.layers[:-1]:
            x = F.elu(layer(x))
        x = self.layers[-1](x)
        return x if self.pixel_bias is None else x + self.pixel_bias


def _conv(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Conv2d | nn.ConvTranspose2d:
    area = prod(layer.kernel_size)
    glorot(layer.weight, layer.in_channels * area, layer.out_channels * area)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
