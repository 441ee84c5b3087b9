"""Latent replay: imagined steps of the last updates, and the data's own steps as latent states.

In: rollouts of the policy, posterior states of a batch. Out: Steps (s, a, r, s').

A rollout is kept as its H + 1 states, so that a step's next state is not stored twice:

    s^0 --a^0, r^1--> s^1 --a^1, r^2--> ...  s^H        a step is (s^t, a^t, r^(t+1), s^(t+1))

z is kept as the classes that were drawn. Imagined steps are bounded and part of a checkpoint: the
model moves on while it is trained, and a state of many updates ago means nothing to it any more.
The real half is never old: it is made from the batch that the model has just been trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from moto_learning.agents.starts import draw_starts
from moto_learning.config import RSSMConfig
from moto_learning.model.rssm import State


class Steps(NamedTuple):
    """N latent steps."""

    feat: Tensor  # (N, F) before
    action: Tensor  # (N, A)
    reward: Tensor  # (N,) received after
    next_feat: Tensor  # (N, F)


class LatentReplay:
    """The rollouts of the last updates; full, the oldest make room."""

    def __init__(
        self, capacity: int, horizon: int, action: int, config: RSSMConfig, device: torch.device
    ) -> None:
        """Makes room for `capacity` steps in rollouts of H steps, for one rollout at least."""
        self.config, self.horizon = config, horizon
        rollouts = max(1, capacity // horizon)
        self.stored = {
            'deter': torch.zeros(rollouts, horizon + 1, config.deter, device=device),
            'classes': torch.zeros(
                rollouts, horizon + 1, config.stoch, dtype=torch.int32, device=device
            ),
            'action': torch.zeros(rollouts, horizon, action, device=device),
            'reward': torch.zeros(rollouts, horizon, device=device),
        }
        self.filled = 0  # rollouts
        self.next = 0  # the place of the next one

    def __len__(self) -> int:
        """Counts the steps."""
        return self.filled * self.horizon

    @torch.no_grad()
    def add(self, feat: Tensor, action: Tensor, reward: Tensor) -> None:
        """Takes in N rollouts: feat (H + 1, N, F), action (H, N, A), reward (H, N)."""
        deter, stoch = feat.split([self.config.deter, feat.shape[-1] - self.config.deter], -1)
        drawn = stoch.unflatten(-1, (self.config.stoch, self.config.classes)).argmax(-1)
        self._put({'deter': deter, 'classes': drawn, 'action': action, 'reward': reward})

    def draw(self, count: int, generator: torch.Generator) -> Steps:
        """Returns `count` steps, drawn uniformly with replacement."""
        assert self.filled, 'the latent replay is empty'
        index = torch.randint(len(self), (count,), generator=generator, device=generator.device)
        age = index.div(self.horizon, rounding_mode='floor')  # 0: the oldest, wherever it lies
        row, t = (age + self.next - self.filled) % self._rollouts, index % self.horizon
        return Steps(
            feat=self._feat(row, t),
            action=self.stored['action'][row, t],
            reward=self.stored['reward'][row, t],
            next_feat=self._feat(row, t + 1),
        )

    def state_dict(self) -> dict[str, Any]:
        """Returns the rollouts, the oldest first."""
        order = (torch.arange(self.filled) + self.next - self.filled) % self._rollouts
        return {name: value[order.to(value.device)] for name, value in self.stored.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes rollouts as `state_dict` returned them: the newest that there is room for.

        Those of another horizon are left out. Raises ValueError for other sizes.
        """
        self.filled = self.next = 0
        if state['reward'].shape[1] != self.horizon:
            return
        for name, kept in self.stored.items():
            if state[name].shape[1:] != kept.shape[1:] or len(state[name]) != len(state['reward']):
                raise ValueError(
                    f'latent replay: {name} is {tuple(state[name].shape)}, not (N, '
                    f'{", ".join(map(str, kept.shape[1:]))})'
                )
        self._put({name: state[name].transpose(0, 1) for name in self.stored})

    @property
    def _rollouts(self) -> int:
        return len(self.stored['reward'])

    def _put(self, parts: Mapping[str, Tensor]) -> None:
        """Writes rollouts (time, N, ...) to the next places, the last ones if there are many."""
        count = min(parts['reward'].shape[1], self._rollouts)
        places = (torch.arange(count) + self.next) % self._rollouts
        for name, value in parts.items():
            kept = self.stored[name]
            kept[places.to(kept.device)] = (
                value[:, value.shape[1] - count :].transpose(0, 1).to(kept)
            )
        self.next = (self.next + count) % self._rollouts
        self.filled = min(self.filled + count, self._rollouts)

    def _feat(self, row: Tensor, t: Tensor) -> Tensor:
        deter = self.stored['deter'][row, t]
        drawn = F.one_hot(self.stored['classes'][row, t].long(), self.config.classes)
        return torch.cat([deter, drawn.flatten(-2).to(deter.dtype)], -1)


def real_steps(
    post: State, data: Mapping[str, Any], count: int, generator: torch.Generator
) -> Steps:
    """Draws `count` of the data's own steps between posterior states (B, T, ...), or none.

    With replacement, among the pairs of rows of one sequence and episode; the reward is the true
    one. None are returned where a batch has no such pair.
    """
    every = draw_starts(post, data, 0, generator)
    pairs = every.weight.nonzero().squeeze(-1)
    if not len(pairs):
        count = 0
    index = torch.randint(
        max(len(pairs), 1), (count,), generator=generator, device=generator.device
    )
    index = pairs[index]
    return Steps(
        feat=every.before[index],
        action=every.action[index],
        reward=every.reward[index],
        next_feat=every.state.feat[index],
    )


def joined(one: Steps, other: Steps) -> Steps:
    """Returns the steps of both, one after the other."""
    return Steps(
        feat=torch.cat([one.feat, other.feat]),
        action=torch.cat([one.action, other.action]),
        reward=torch.cat([one.reward, other.reward]),
        next_feat=torch.cat([one.next_feat, other.next_feat]),
    )
