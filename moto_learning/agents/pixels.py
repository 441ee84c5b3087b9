"""The encoder of the model-free rows: stacked frames and proprioception to one latent vector.

stacks {camera: (N, h, w, 3 F)}  ->  convolutions  ->  linear, layer norm, tanh  ->  (N, latent)
proprioception (N, P)                                                 joins it   ->  (N, F)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from moto_core.errors import ConfigError
from moto_core.spec import Spec
from moto_learning.config import EncoderConfig
from moto_learning.config_model_free import PixelConfig
from moto_learning.model.layers import linear
from moto_learning.model.networks import Encoder


class PixelEncoder(nn.Module):
    """Embeds what is seen at a row."""

    def __init__(self, spec: Spec, config: PixelConfig) -> None:
        super().__init__()
        if not spec.cameras:
            raise ConfigError('the spec has no camera; the model-free rows learn from images')
        shape = EncoderConfig(
            channels=config.channels,
            kernel=config.kernel,
            stride=config.stride,
            padding=config.padding,
        )
        images = replace(spec, proprioception=[])
        self.convolutions = Encoder(images, shape, config.frames, 'model_free')
        self.latent = linear(self.convolutions.size, config.latent)
        self.norm = nn.LayerNorm(config.latent)
        self.size = config.latent + spec.proprioception_size

    def forward(self, stacks: Mapping[str, Tensor], proprioception: Tensor | None) -> Tensor:
        """Returns feat (N, F) of pixels 0 to 255 (N, h, w, 3 F) and proprioception (N, P)."""
        latent = torch.tanh(self.norm(self.latent(self.convolutions(stacks))))
        return latent if proprioception is None else torch.cat([latent, proprioception], -1)
