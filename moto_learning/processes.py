"""Several processes of one run: each learns from its rows of a batch as one would from all of it.

torchrun starts them and tells each who it is. `replay.batch` is the joined batch, of which process
r of N has the r'th N'th; noise is drawn for the joined batch by all of them from one random state,
and each keeps its own rows', so that how many they are is no part of a run. Gradients are averaged
by one all-reduce before they are clipped: an update goes down several losses through the same
networks, which DistributedDataParallel (one backward pass a forward pass) is not made for.

In one process every function returns what it was given, and torch.distributed is not imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from moto_core.errors import MotoError, one_line

if TYPE_CHECKING:
    from torch import Tensor, nn

STARTED = 'TORCHELASTIC_RUN_ID'  # torchrun sets it for what it starts
PATIENCE = timedelta(hours=1)  # for the others: an evaluation by the first, at the longest
T = TypeVar('T')


class ProcessError(MotoError):
    """Another process of the run that ended or does not answer."""


@dataclass
class _Self:
    """Which process this is."""

    rank: int = 0
    number: int = 1


_self = _Self()


def join() -> None:
    """Meets the other processes that torchrun started with this one, if it did.

    What lies on a CPU goes through gloo, what lies on a GPU through nccl; each process of a
    machine takes another of its GPUs. Raises ProcessError if the others do not come.
    """
    number = int(os.environ.get('WORLD_SIZE', '1'))
    if STARTED not in os.environ or number == 1:
        return
    import torch
    from torch import distributed

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ['LOCAL_RANK']) % torch.cuda.device_count())
    _self.rank, _self.number = int(os.environ['RANK']), number
    with _answered():
        distributed.init_process_group(timeout=PATIENCE)


def leave() -> None:
    """Parts from the other processes once the first is done; this one is alone then."""
    if _self.number > 1:
        from torch import distributed

        from_first(lambda: None)  # torchrun ends all once one ends that was stopped
        distributed.destroy_process_group()
        _self.rank, _self.number = 0, 1


def number() -> int:
    """Returns how many processes train the run."""
    return _self.number


def here() -> int:
    """Returns how many of them are on this machine."""
    return int(os.environ['LOCAL_WORLD_SIZE']) if _self.number > 1 else 1


def leads() -> bool:
    """Says whether this is the first process: it collects, evaluates and writes for all."""
    return _self.rank == 0


def rows(count: int) -> range:
    """Returns which of `count` rows of a joined batch are this process's."""
    each = count // _self.number
    return range(_self.rank * each, (_self.rank + 1) * each)


def own(joined: Tensor, dim: int = 0) -> Tensor:
    """Returns this process's rows, along `dim`, of what all have alike."""
    if _self.number == 1:
        return joined
    mine = rows(joined.shape[dim])
    return joined.narrow(dim, mine.start, len(mine))


def own_indices(index: Tensor, count: int) -> Tensor:
    """Returns those of indices (N,) into a joined batch's rows that are of this process's `count`.

    They count from its first row.
    """
    if _self.number == 1:
        return index
    index = index - _self.rank * count
    return index[(index >= 0) & (index < count)]


def joined(own: Tensor, dim: int = 0) -> Tensor:
    """Returns the rows of all processes, as many of each, along `dim`; it carries no gradient."""
    if _self.number == 1:
        return own
    import torch
    from torch import distributed

    sent = own.detach().contiguous()
    sent = sent.to(torch.uint8) if sent.dtype == torch.bool else sent
    parts = [torch.empty_like(sent) for _ in range(_self.number)]
    with _answered():
        distributed.all_gather(parts, sent)
    return torch.cat(parts, dim).to(own.dtype)


def joined_batch(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the joined batch of the processes' own, arrays of numpy as replay draws them."""
    if _self.number == 1:
        return dict(batch)
    import torch

    def whole(value: Any) -> Any:
        if isinstance(value, Mapping):
            return joined_batch(value)
        return joined(torch.from_numpy(value)).numpy() if np.ndim(value) else value

    return {name: whole(value) for name, value in batch.items()}


def mean(found: Tensor) -> Tensor:
    """Returns the mean over the processes; its gradient is that of this one's part.

    Averaged over the processes, that is the gradient of whatever is made of the mean.
    """
    if _self.number == 1:
        return found
    from torch import distributed

    total = found.detach().clone()
    with _answered():
        distributed.all_reduce(total)
    total = total / _self.number
    return total + (found - found.detach()) if found.requires_grad else total


def most(found: Tensor) -> Tensor:
    """Returns the largest () of all processes, NaN if one is; of bools whether any is true."""
    return joined(found.reshape(1)).max() if _self.number > 1 else found


def divisor(count: Tensor) -> Tensor:
    """Returns what a sum over this process's rows is divided by if `count` () of them count.

    The mean over the processes is then that over all that count in the joined batch; 0 of none.
    """
    return mean(count).clamp(min=1 / _self.number)


def any_of(said: bool) -> bool:
    """Says whether any process says so."""
    if _self.number == 1:
        return said
    import torch

    return bool(most(torch.tensor(said)))


def average(parameters: Iterable[nn.Parameter]) -> None:
    """Puts the mean over the processes in the place of each parameter's gradient."""
    if _self.number == 1:
        return
    import torch

    gradients = [one.grad for one in parameters if one.grad is not None]
    flat = mean(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, part in zip(gradients, flat.split([one.numel() for one in gradients])):
        gradient.copy_(part.view(gradient.shape))


def from_first(function: Callable[[], T]) -> T:
    """Returns what `function` returns in the first process, which alone calls it."""
    if _self.number == 1:
        return function()
    import torch
    from torch import distributed

    told = [function() if leads() else None]
    with _answered():
        distributed.broadcast_object_list(told, src=0, device=torch.device('cpu'))
    found: Any = told[0]
    return found


@contextmanager
def first_in_turn() -> Iterator[None]:
    """Lets the first process through the body, then the others: they find what it has written."""
    if not leads():
        from_first(lambda: None)
    yield
    if leads():
        from_first(lambda: None)


@contextmanager
def _answered() -> Iterator[None]:
    """Says in a line what torch raises if another process is gone."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessError(
            f'process {_self.rank} of {_self.number}: another one ended, or has not answered for '
            f'{PATIENCE} ({one_line(error, 120)}); see what it said last. The same command with '
            '--resume goes on from the last checkpoint'
        ) from error
