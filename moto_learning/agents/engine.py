"""How an update runs: operation by operation, or recorded once as a CUDA graph and replayed.

One code path: `latent.take`. Recorded, it launches its thousands of operations by one call. What
differs from update to update goes in from outside: the batch, copied to where the recorded one
lay; the generator's state, which the graph registers; and numbers of the learner's schedule, each
a Knob that is turned before. Which branches are taken is what a graph is recorded for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from moto_core.errors import ConfigError
from moto_learning.config import Config

Metrics = dict[str, Tensor]
WARM = 3  # updates that run before one is recorded: optimisers and libraries make their buffers


class Knob:
    """A number of the schedule, kept where the networks are."""

    def __init__(self, device: torch.device) -> None:
        self.value = torch.zeros((), dtype=torch.float64, device=device)

    def turn(self, value: float) -> Tensor:
        """Sets and returns it; while a graph is recorded it stays what it is."""
        if not _is_recording(self.value.device):
            self.value.fill_(value)
        return self.value


class Scheduled(Protocol):
    """A learner whose update can be recorded."""

    config: Config
    device: torch.device
    generator: torch.Generator

    def schedule(self, data: Mapping[str, Any]) -> tuple[bool, ...]:
        """Turns every knob for the update to come; returns the branches that it takes."""


class Recording(Protocol):
    """One call of a function, to be made again on whatever lies in the same tensors."""

    def __init__(self, function: Callable[[], Metrics], generator: torch.Generator) -> None:
        """Records the call."""

    def replay(self) -> Metrics:
        """Makes it again; the metrics are overwritten by the next."""


class CudaRecording:
    """A CUDA graph of one call."""

    def __init__(self, function: Callable[[], Metrics], generator: torch.Generator) -> None:
        self._graph = torch.cuda.CUDAGraph()
        self._graph.register_generator_state(generator)
        torch.cuda.synchronize()
        with torch.cuda.graph(self._graph):
            self._metrics = function()

    def replay(self) -> Metrics:
        """Launches the graph and returns its metrics."""
        self._graph.replay()
        return self._metrics


class RecordedUpdate:
    """An update that is recorded once for each combination of branches."""

    def __init__(self, learner: Scheduled, recording: type[Recording] = CudaRecording) -> None:
        self._learner, self._kind = learner, recording
        self._recorded: dict[tuple[bool, ...], Recording] = {}
        self._warm: dict[tuple[bool, ...], int] = {}
        self._held: dict[str, Any] = {}  # the batch that the graphs read

    def __call__(
        self, take: Callable[[Mapping[str, Any]], Metrics], data: Mapping[str, Any]
    ) -> Metrics:
        """Returns the metrics of `take` on a batch of tensors, all of one shape at each call."""
        branches = self._learner.schedule(data)
        if branches in self._recorded:
            _copy(data, self._held)
            return self._recorded[branches].replay()
        self._warm[branches] = self._warm.get(branches, 0) + 1
        if self._warm[branches] <= WARM:
            return take(data)
        self._held = self._held or _cloned(data)
        _copy(data, self._held)
        recording = self._kind(lambda: take(self._held), self._learner.generator)
        self._recorded[branches] = recording
        return recording.replay()


def recorded_update(learner: Scheduled) -> RecordedUpdate | None:
    """Returns what records a learner's updates, if its train.engine says so; see check_engine."""
    check_engine(learner.config, learner.device, recorded=True)
    return RecordedUpdate(learner) if learner.config.train.engine == 'graph' else None


def check_engine(config: Config, device: torch.device, recorded: bool) -> None:
    """Raises ConfigError for an engine that the agent (not `recorded`) or the device lacks."""
    engine = config.train.engine
    if engine == 'eager':
        return
    if not recorded:
        raise ConfigError(
            f"train.engine is '{engine}', and agent '{config.agent}' waits for numbers of its "
            'own update: use train.engine=eager'
        )
    if device.type != 'cuda':
        raise ConfigError(
            f"train.engine is '{engine}', a CUDA graph, and this run's device is "
            f"'{device.type}': use train.engine=eager, or train.device=cuda"
        )


def _is_recording(device: torch.device) -> bool:
    return device.type == 'cuda' and torch.cuda.is_current_stream_capturing()


def _cloned(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _cloned(value) if isinstance(value, Mapping) else value.clone()
        for name, value in data.items()
    }


def _copy(data: Mapping[str, Any], held: Mapping[str, Any]) -> None:
    """Copies a batch into another of its shapes."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            _copy(value, held[name])
        else:
            held[name].copy_(value)
