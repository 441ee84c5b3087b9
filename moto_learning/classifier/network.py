"""The network of a success classifier: frames to the logit of "this is the end of a success".

    images {camera: (N, h, w, 3) uint8}  ->  embed (N, E)  ->  logit (N,)

The world model's encoder without proprioception, and a perceptron.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from moto_core.errors import ConfigError
from moto_core.spec import Spec
from moto_learning.classifier.settings import ClassifierNetworkConfig
from moto_learning.model.layers import MLP
from moto_learning.model.networks import Encoder, conv_sizes


class SuccessClassifier(nn.Module):
    """Judges single frames of all the cameras of a spec."""

    def __init__(self, spec: Spec, config: ClassifierNetworkConfig) -> None:
        """Raises ConfigError for a spec without a camera, and for images that are too small."""
        super().__init__()
        if not spec.cameras:
            raise ConfigError(
                'the spec has no camera, and a success classifier judges images; label by hand'
            )
        encoder = config.encoder.full
        for camera in spec.cameras.values():
            conv_sizes(camera.height, camera.width, encoder)
        self.encoder = Encoder(replace(spec, proprioception=[]), encoder)
        self.head = MLP(self.encoder.size, [config.units], 1)

    def forward(self, images: Mapping[str, Tensor]) -> Tensor:
        """Returns the logit (N,) of images {camera: (N, h, w, 3) uint8}."""
        return self.head(self.encoder(images)).squeeze(-1)
