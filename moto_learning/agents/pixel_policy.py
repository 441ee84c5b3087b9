"""The policy of the model-free rows: the two networks of its bundle, and the same ones in torch.

    image_<camera> uint8, proprioception  ->  FramesGraph  ->  embed: the pixels, proprioception
    embed, deter, ..., is_first  ->  PixelPolicyGraph  ->  action, ..., disagreement, surprise

What is carried, `deter`, is the earlier frames; an episode's first frame counts as all of them.
`stoch` carries nothing, and the action before is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from moto_core.policy.policy import PolicyState, PolicyStep
from moto_core.spec import Spec
from moto_learning.agents.actor_critic import Actor, Critics
from moto_learning.agents.decide import PolicyOutput
from moto_learning.agents.pixels import PixelEncoder
from moto_learning.agents.torch_policy import (
    Exploration,
    check_images,
    choose_action,
    weights_hash,
)
from moto_learning.agents.transitions import stack_frames
from moto_learning.model.distributions import TruncatedNormal
from moto_learning.model.rssm import State


class FramesGraph(nn.Module):
    """Lays the cameras' pixels, in the spec's order, and proprioception side by side."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Returns embed (1, E) of images (1, h, w, 3) uint8 and proprioception (1, P)."""
        return torch.cat([value.flatten(1).float() for value in inputs], 1)


class PixelPolicyGraph(nn.Module):
    """Stacks the frames, encodes them, chooses the action, asks the critics of it."""

    def __init__(
        self, spec: Spec, frames: int, encoder: PixelEncoder, actor: Actor, critics: Critics | None
    ) -> None:
        super().__init__()
        self.encoder, self.actor, self.critics = encoder, actor, critics
        self.shapes = {
            name: (camera.height, camera.width, 3) for name, camera in spec.cameras.items()
        }
        self.frames, self.pixels = frames, sum(map(prod, self.shapes.values()))
        self.embed = self.pixels + spec.proprioception_size  # E
        self.deter = self.pixels * max(frames - 1, 1)  # D: at least a frame, a bundle needs one
        self.stoch = 1

    def forward(
        self,
        embed: Tensor,
        deter: Tensor,
        stoch: Tensor,
        previous_action: Tensor,
        is_first: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Returns action, next_deter, next_stoch, disagreement, surprise."""
        out = self.step(embed, deter, stoch, previous_action, is_first)
        return out.action, out.post.deter, out.post.stoch, out.disagreement, out.surprise

    def step(
        self,
        embed: Tensor,
        deter: Tensor,
        stoch: Tensor,
        previous_action: Tensor,
        is_first: Tensor,
        choose: Callable[[TruncatedNormal], Tensor] = TruncatedNormal.mode,
    ) -> PolicyOutput:
        """Returns what the policy does at embed (1, E) after the frames in deter (1, D).

        The disagreement is the standard deviation of the critics at the state and the action; 0
        without critics. It expects nothing: the surprise is 0.
        """
        frame = embed[:, None, : self.pixels]  # (1, 1, pixels)
        earlier = deter.unflatten(1, (-1, self.pixels))
        earlier = torch.where(is_first[:, None, None] > 0, frame, earlier)
        seen = torch.cat([earlier, frame], 1)  # oldest first
        vector = embed[:, self.pixels :] if embed.shape[1] > self.pixels else None
        feat = self.encoder(self._stacks(seen[:, -self.frames :]), vector)
        action = choose(self.actor(feat))
        spread = embed.new_zeros(1)
        if self.critics is not None:
            spread = self.critics(feat, action).std(0, correction=0)
        post = State(
            deter=seen[:, 1:].flatten(1),
            stoch=stoch * (1 - is_first[:, None]),
            logit=embed.new_zeros(1, 1, 1),
        )
        nothing = embed.new_zeros(1)
        return PolicyOutput(post=post, action=action, disagreement=spread, surprise=nothing)

    def _stacks(self, seen: Tensor) -> dict[str, Tensor]:
        """Returns each camera's stack (1, h, w, 3 F) of the last F frames (1, F, pixels)."""
        sizes = [prod(shape) for shape in self.shapes.values()]
        parts = zip(self.shapes.items(), seen.split(sizes, 2))
        return {name: stack_frames(part.unflatten(2, shape)) for (name, shape), part in parts}


class PixelPolicy:
    """Steps the two networks in torch; sees later updates of theirs too."""

    def __init__(
        self,
        spec: Spec,
        graph: PixelPolicyGraph,
        device: torch.device,
        exploration: Exploration | None = None,
    ) -> None:
        """Takes its hash, under which episodes log it, from the weights that decide actions."""
        self.spec, self.graph, self.device = spec, graph, device
        exploration = exploration or Exploration()
        generator = torch.Generator(device).manual_seed(exploration.seed)
        self.hash = weights_hash(graph.encoder, graph.actor)
        self._embed = FramesGraph()
        self._choose = partial(choose_action, exploration=exploration, generator=generator)

    def initial(self) -> PolicyState:
        """Returns zeros with is_first set."""
        return {
            'deter': np.zeros((1, self.graph.deter), np.float32),
            'stoch': np.zeros((1, self.graph.stoch), np.float32),
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
        """Returns the action (A,), its disagreement and the state to pass in next.

        Raises ObservationError if a camera is missing or an image has another size.
        """
        check_images(self.spec, images)
        seen = [images[name] for name in self.spec.cameras]
        seen += [] if proprioception is None else [proprioception]
        embed = self._embed(*(self._tensor(part)[None] for part in seen))
        carried = {name: self._tensor(value) for name, value in state.items()}
        out = self.graph.step(embed, **carried, choose=self._choose)
        action = out.action.cpu().numpy()
        following = {
            'deter': out.post.deter.cpu().numpy(),
            'stoch': out.post.stoch.cpu().numpy(),
            'previous_action': action,
            'is_first': np.zeros(1, np.float32),
        }
        return PolicyStep(
            action=action[0].copy(),
            disagreement=float(out.disagreement),
            state=following,
            surprise=float(out.surprise),
        )

    def _tensor(self, value: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(value)).to(self.device)
