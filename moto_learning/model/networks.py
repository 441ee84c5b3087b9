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
from moto_learning import processes
from moto_learning.config import EncoderConfig, HeadConfig
from moto_learning.model.distributions import normal_loss, reward_bins, two_hot
from moto_learning.model.layers import MLP, glorot, linear, whole


def normalize(image: Tensor) -> Tensor:
    """Returns (N, 3, h, w) float in [-0.5, 0.5] of (N, h, w, 3) uint8; a channels-last view."""
    return image.to(torch.float32, copy=True).div_(255).sub_(0.5).permute(0, 3, 1, 2)


def patches(image: Tensor, side: int) -> Tensor:
    """Returns (N, h / side, w / side, side * side * 3) of images (N, h, w, 3), patch by patch."""
    if side == 1:
        return image
    count, height, width, colours = image.shape
    x = image.reshape(count, height // side, side, width // side, side * colours)
    return torch.cat(x.unbind(2), -1)  # a third of the time of turning the axes


def moved(images: Tensor, moves: Tensor) -> Tensor:
    """Returns images (B, T, h, w, 3) whose every sequence is moved by moves (2, B) [px].

    Pixel (y, x) is what was at (y + moves[0], x + moves[1]); the edges are repeated.
    """
    height, width = images.shape[2:4]
    rows, columns = (
        (torch.arange(size, device=images.device) + move[:, None]).clamp(0, size - 1)
        for size, move in zip((height, width), moves)
    )
    return torch.stack([image[:, y][:, :, x] for image, y, x in zip(images, rows, columns)])


def conv_sizes(
    height: int, width: int, config: EncoderConfig, section: str = 'model'
) -> list[tuple[int, int]]:
    """Lists (height, width), in patches, before the first convolution and after each.

    `section` has the settings. Raises ConfigError if the image is too small for so many
    convolutions, or no whole patches.
    """
    if height % config.patch or width % config.patch:
        raise ConfigError(
            f'images of {height} x {width} px cannot be cut into patches of {config.patch} px; '
            f'{section}.encoder.patch must divide both'
        )
    sizes = [(height // config.patch, width // config.patch)]
    for _ in config.channels:
        size = tuple(
            (n + 2 * config.padding - config.kernel) // config.stride + 1 for n in sizes[-1]
        )
        if min(size) < 1:
            fewer = f'{section}.encoder.channels'
            padded = '' if config.padding else f', or {section}.encoder.padding=1'
            raise ConfigError(
                f'images of {height} x {width} px are too small for '
                f'{len(config.channels)} convolutions; use fewer {fewer}{padded}'
            )
        sizes.append((size[0], size[1]))
    return sizes


class Encoder(nn.Module):
    """Embeds one observation, or a stack of frames: the cameras' features, proprioception's."""

    def __init__(
        self, spec: Spec, config: EncoderConfig, frames: int = 1, section: str = 'model'
    ) -> None:
        """Makes it for `frames` at once; `section` of the configuration has its settings."""
        super().__init__()
        self.cameras = nn.ModuleDict()
        self.size, self.patch = 0, config.patch
        for name, camera in spec.cameras.items():
            widths = [3 * frames * config.patch**2, *config.channels]
            self.cameras[name] = nn.ModuleList(
                _conv(nn.Conv2d(a, b, config.kernel, config.stride, config.padding))
                for a, b in zip(widths, widths[1:])
            )
            sizes = conv_sizes(camera.height, camera.width, config, section)
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
            x = normalize(patches(image.reshape(-1, *image.shape[-3:]), self.patch))
            for convolution in cast(nn.ModuleList, convolutions):
                x = F.elu(convolution(x))
            parts.append(x.reshape(*image.shape[:-3], -1))
        if self.proprioception is not None:
            assert proprioception is not None, 'the spec has proprioception; none was given'
            parts.append(F.elu(self.proprioception(proprioception)))
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]


class RewardHead(MLP):
    """Predicts the reward of a latent state, as the mean of a normal or of a two-hot head."""

    def __init__(self, feat: int, config: HeadConfig, likelihood: str) -> None:
        bins = reward_bins() if likelihood == 'two_hot' else None
        super().__init__(feat, [config.units] * config.layers, 1 if bins is None else len(bins))
        self.bins: Tensor | None
        self.register_buffer('bins', bins, persistent=False)
        if bins is not None:
            nn.init.zeros_(self.out.weight)  # every reward is 0 at first: the bins are symmetric

    def mean(self, feat: Tensor) -> Tensor:
        """Returns the expected reward (...,) at feat (..., F)."""
        out = self(feat)
        return out.squeeze(-1) if self.bins is None else (out.softmax(-1) * self.bins).sum(-1)

    def loss(self, feat: Tensor, reward: Tensor) -> Tensor:
        """Returns -ln p(reward) (...,), for a normal without its constant."""
        out = self(feat)
        if self.bins is None:
            return normal_loss(out, reward.unsqueeze(-1))
        return -(two_hot(reward, self.bins) * out.log_softmax(-1)).sum(-1)


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
                own = normalize(image.reshape(-1, *image.shape[-3:])).mean(0)
                bias.copy_(processes.mean(own))


class ConvDecoder(nn.Module):
    """Transposed convolutions through the encoder's sizes in reverse."""

    def __init__(self, sizes: list[tuple[int, int]], config: EncoderConfig, feat: int) -> None:
        super().__init__()
        self.start = (config.channels[-1], *sizes[-1])
        self.dense = linear(feat, prod(self.start))
        self.patch = config.patch
        widths = [*config.channels[::-1], 3 * config.patch**2]
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
            self.pixel_bias = nn.Parameter(
                torch.zeros(3, *(size * config.patch for size in sizes[0]))
            )

    def forward(self, feat: Tensor) -> Tensor:
        """Returns (N, 3, h, w) of feat (N, F)."""
        x = self.dense(feat).reshape(-1, *self.start)
        x = x.contiguous(memory_format=torch.channels_last)
        for layer in self.layers[:-1]:
            x = F.elu(layer(x))
        x = whole(self.layers[-1](x))
        if self.patch > 1:
            x = F.pixel_shuffle(x, self.patch)
        return x if self.pixel_bias is None else x + self.pixel_bias


def _conv(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Conv2d | nn.ConvTranspose2d:
    area = prod(layer.kernel_size)
    glorot(layer.weight, layer.in_channels * area, layer.out_channels * area)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
