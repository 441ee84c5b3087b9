"""An agent as a Policy on numpy: what the simulator and the evaluation run before any export.

In: {camera: (h, w, 3) uint8}, proprioception, state. Out: PolicyStep, like OnnxPolicy's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from moto_core.errors import ObservationError
from moto_core.policy.policy import PolicyState, PolicyStep
from moto_core.spec import Spec
from moto_learning.agents.actor_critic import Actor
from moto_learning.agents.decide import decide
from moto_learning.config import Config
from moto_learning.model.distributions import TruncatedNormal, gumbel, uniform
from moto_learning.model.world_model import WorldModel


class Exploration(NamedTuple):
    """How actions differ from the policy's mode."""

    kind: str = 'mode'  # 'mode', 'sample' of the policy, or 'noise' added to it
    noise: float = 0.1  # standard deviation of that noise
    seed: int = 0


class Acting(Protocol):
    """The networks that act."""

    config: Config
    spec: Spec
    device: torch.device
    world_model: WorldModel
    acting: Actor


class TorchPolicy:
    """Steps an agent's encoder, posterior and actor.

    The state it acts on is the posterior's mode or a sample, as `actor_critic.actor.act_on` says.
    """

    def __init__(
        self, agent: Acting, exploration: Exploration | None = None, name: str = ''
    ) -> None:
        """Takes a name to log it under; without one it is a hash of the weights it runs."""
        self.agent, self.spec = agent, agent.spec
        self.exploration = exploration or Exploration()
        model = agent.world_model
        self.hash = name or weights_hash(model.encoder, model.rssm, agent.acting)
        self._generator = torch.Generator(agent.device).manual_seed(self.exploration.seed)

    def initial(self) -> PolicyState:
        """Returns zeros with is_first set."""
        state = self.agent.world_model.rssm.initial(1)
        return {
            'deter': _array(state.deter),
            'stoch': _array(state.stoch),
            'previous_action': np.zeros((1, self.spec.action_size), np.float32),
            'is_first': np.ones(1, np.float32),
        }

    @torch.no_grad()
    def step(
        self,
        images: Mapping[str, np.ndarray],
        proprioception: np.ndarray | None,
        state: PolicyState,
    ) -> PolicyStep:
        """Returns the action (A,), its disagreement (equation 2) and the state to pass in next.

        Raises ObservationError if a camera is missing or an image has another size.
        """
        model = self.agent.world_model
        vector = None if proprioception is None else self._tensor(proprioception[None])
        embed = model.encoder(self._images(images), vector)
        out = decide(
            model.rssm,
            self.agent.acting,
            self.agent.config.actor_critic.penalty,
            embed,
            **{name: self._tensor(value) for name, value in state.items()},
            noise=self._posterior_noise(),
            choose=self._choose,
        )
        action = _array(out.action)
        following = {
            'deter': _array(out.post.deter),
            'stoch': _array(out.post.stoch),
            'previous_action': action,
            'is_first': np.zeros(1, np.float32),
        }
        return PolicyStep(
            action=action[0].copy(),
            disagreement=float(out.disagreement),
            state=following,
            surprise=float(out.surprise),
        )

    def _posterior_noise(self) -> Tensor | None:
        """Returns the noise that draws the state, or None, with which it is the mode."""
        if self.agent.config.actor_critic.actor.act_on == 'mode':
            return None
        c = self.agent.config.model.rssm
        return gumbel((1, c.stoch, c.classes), self._generator)

    def _choose(self, policy: TruncatedNormal) -> Tensor:
        return choose_action(policy, self.exploration, self._generator)

    def _images(self, images: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        check_images(self.spec, images)
        return {name: self._tensor(images[name][None]) for name in self.spec.cameras}

    def _tensor(self, value: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(value)).to(self.agent.device)


def choose_action(
    policy: TruncatedNormal, exploration: Exploration, generator: torch.Generator
) -> Tensor:
    """Returns the action (N, A) that is explored with: the mode, a sample, the mode and noise."""
    if exploration.kind == 'sample':
        return policy.sample(uniform(policy.loc.shape, generator))
    if exploration.kind == 'noise':
        noise = torch.randn(policy.loc.shape, generator=generator, device=generator.device)
        return (policy.mode() + exploration.noise * noise).clamp(-1, 1)
    return policy.mode()


def check_images(spec: Spec, images: Mapping[str, np.ndarray]) -> None:
    """Raises ObservationError if a camera is missing or an image has another size."""
    for name, camera in spec.cameras.items():
        shape = (camera.height, camera.width, 3)
        if name not in images or images[name].shape != shape:
            found = images[name].shape if name in images else 'nothing'
            raise ObservationError(f"camera '{name}': expected {shape} uint8, got {found}")


def weights_hash(*modules: nn.Module) -> str:
    """Returns a SHA-256 over the weights that decide actions."""
    digest = hashlib.sha256()
    for module in modules:
        for name, value in module.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _array(value: Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()
