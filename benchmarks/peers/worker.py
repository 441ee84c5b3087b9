"""A learner in a process of its own: an update for each line that it reads, its cost for each.

In: sizes as JSON, a precision, a number of threads. Out: a JSON line when it is ready, and one an
update. Runs in this project's interpreter and in the peers': it needs torch alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TextIO

import torch
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Sizes:
    """What is equal for all: the batch, the networks, the imagined steps."""

    batch: int = 16
    length: int = 50
    horizon: int = 15
    action: int = 9
    image: int = 64  # [px] of a square camera
    channels: list[int] = field(default_factory=lambda: [32, 64, 128, 256])
    deter: int = 512
    stoch: int = 32
    classes: int = 32
    hidden: int = 512
    layers: int = 2  # of reward, policy and value
    units: int = 512

    @property
    def latent(self) -> int:
        """The stochastic state's size."""
        return self.stoch * self.classes


class Learner(NamedTuple):
    """One update, and what it changes."""

    update: Callable[[], None]
    parameters: Iterable[torch.nn.Parameter]
    starts: int  # imagined from


class Everything:
    """What is counted is of no module."""

    parents = frozenset({'Global'})

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def serve(build: Callable[[Sizes, str], Learner]) -> None:
    """Builds a learner and updates it once for each line on standard input, until that ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--sizes', default='{}')
    parser.add_argument('--precision', choices=('float32', 'bfloat16'), default='float32')
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w')
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    learner = build(Sizes(**json.loads(args.sizes)), args.precision)
    learner.update()  # the first builds what the others have
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = Everything()  # its own fails at TorchRL's modules
    with counter:
        learner.update()
    _answer(
        answers,
        torch=torch.__version__,
        parameters=sum(one.numel() for one in learner.parameters),
        starts=learner.starts,
        gflop=round(counter.get_total_flops() / 1e9, 1),
    )
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        learner.update()
        _answer(
            answers,
            wall=time.perf_counter() - wall,
            cpu=time.process_time() - cpu,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )


def _answer(answers: TextIO, **found: object) -> None:
    print(json.dumps(found), file=answers, flush=True)
