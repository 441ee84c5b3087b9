"""One optimiser for one group of networks: rate schedule, clipping, non-finite steps refused.

Whether a step was taken is decided, and counted, where the networks are: no number of an update is
waited for, so that a GPU need not stop and a whole update can be one CUDA graph.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from moto_learning import processes
from moto_learning.config import OptimizerConfig


def rate_factor(step: Tensor, config: OptimizerConfig) -> Tensor:
    """Returns the fraction () of the full learning rate at the step'th update, counted from 0."""
    factor = torch.ones_like(step)
    if config.decay_updates:
        factor += (config.final - 1.0) * (step / config.decay_updates).clamp(max=1.0)
    if config.warmup_updates:
        factor *= ((step + 1) / config.warmup_updates).clamp(max=1.0)
    return factor


class Optimizer:
    """Adam with decoupled weight decay over some parameters."""

    def __init__(self, parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> None:
        self.config = config
        self.parameters = list(parameters)
        device = self.parameters[0].device
        self.allowed = torch.ones((), dtype=torch.bool, device=device)  # whether steps are taken
        self._steps = torch.zeros((), device=device)
        self._taken = torch.zeros((), dtype=torch.bool, device=device)  # the last step
        self._rate = torch.full((), config.rate, device=device)
        decay = config.weight_decay / config.rate if config.rate else 0.0
        self._adam: Any = torch.optim.AdamW(
            self.parameters,
            lr=self._rate,
            eps=config.eps,
            betas=(0.9, config.beta2),
            weight_decay=decay,
            fused=True,
            capturable=device.type == 'cuda',
        )

    @property
    def steps(self) -> int:
        """How many steps were taken, `extra` ones aside."""
        return int(self._steps)

    def step(
        self, loss: Tensor, extra: bool = False, wanted: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Takes one step down the loss; returns if its gradient was finite, and the norm of it.

        An `extra` step does not count where the rate's schedule counts updates. Nothing changes
        if the gradient is not finite, if the step is not `wanted` () or `allowed`.
        """
        self._adam.zero_grad(set_to_none=True)
        with torch.autocast(loss.device.type, enabled=False):  # each gradient as its product was
            loss.backward()
        processes.average(self.parameters)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.clip or float('inf'))
        finite = norm.isfinite()
        allowed = self.allowed if wanted is None else self.allowed & wanted
        self._taken = finite & allowed
        self._rate.copy_(self.config.rate * rate_factor(self._steps, self.config))
        self._adam.found_inf = (~self._taken).float()  # Adam then leaves all as it is
        self._adam.step()
        if not extra:
            self._steps += self._taken
        self._adam.zero_grad(set_to_none=True)
        return finite, norm.detach()

    def due(self, every: int) -> Tensor:
        """Says () if the last step was taken and ended another `every` of them."""
        return self._taken & (self._steps % every == 0)

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
        self._steps.fill_(int(state['steps']))
