"""One optimiser for one group of networks: rate schedule, clipping, non-finite steps refused."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from moto_learning.config import OptimizerConfig


def rate_factor(step: int, config: OptimizerConfig) -> float:
    """Returns the fraction of the full learning rate at the step'th update, counted from 0."""
    factor = 1.0
    if config.decay_updates:
        done = min(step / config.decay_updates, 1.0)
        factor = 1.0 + (config.final - 1.0) * done
    if step < config.warmup_updates:
        factor *= (step + 1) / config.warmup_updates
    return factor


class Optimizer:
    """Adam with decoupled weight decay over some parameters."""

    def __init__(self, parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> None:
        self.config = config
        self.parameters = list(parameters)
        self.steps = 0
        decay = config.weight_decay / config.rate if config.rate else 0.0
        self._adam = torch.optim.AdamW(
            self.parameters,
            lr=config.rate,
            eps=config.eps,
            betas=(0.9, config.beta2),
            weight_decay=decay,
            fused=True,
        )

    def step(self, loss: Tensor, extra: bool = False) -> tuple[bool, Tensor]:
        """Takes one step down the loss; returns whether it did, and the gradient's norm.

        An `extra` step does not count where the rate's schedule counts updates.

        If the gradient is not finite, nothing changes but the gradients, which are dropped.
        """
        self._adam.zero_grad(set_to_none=True)
        with torch.autocast(loss.device.type, enabled=False):  # each gradient as its product was
            loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.clip or float('inf'))
        finite = bool(norm.isfinite())
        if finite:
            for group in self._adam.param_groups:
                group['lr'] = self.config.rate * rate_factor(self.steps, self.config)
            self._adam.step()
            self.steps += not extra
        self._adam.zero_grad(set_to_none=True)
        return finite, norm.detach()

    def state_dict(self) -> dict[str, Any]:
        """Returns moments and step count: tensors and plain numbers."""
        return {'adam': self._adam.state_dict(), 'steps': self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores moments and step count; rates and decay stay those of the configuration.

        Raises ValueError for moments of other shapes, which torch would only find at a step.
        """
        groups = [
            {k: v for k, v in group.items() if k != 'params'} for group in self._adam.param_groups
        ]
        self._adam.load_state_dict(copy.deepcopy(state['adam']))  # torch would share its tensors
        for group, ours in zip(self._adam.param_groups, groups):
            group.update(ours)
        for parameter, moments in self._adam.state.items():
            for name in ('exp_avg', 'exp_avg_sq'):
                if moments[name].shape != parameter.shape:
                    raise ValueError(
                        f'{name} is {tuple(moments[name].shape)}, not {tuple(parameter.shape)}'
                    )
            if not isinstance(moments['step'], Tensor):
                raise TypeError(f'step is a {type(moments["step"]).__name__}')
        self.steps = int(state['steps'])
