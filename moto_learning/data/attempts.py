"""One demonstration driven in the simulator, again until what it is to move is in place.

In: Demonstrations, an episode's number. Out: header and rows, not written yet: an episode that is
stopped leaves nothing. An attempt draws from its own random stream (seed, number, attempt).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row
from moto_learning.data.wanted import Demonstrations

ATTEMPTS = 20
FAR = 1 << 32  # between the streams of two attempts
INDEX, OBJECTS, ATTEMPT = 'index', 'objects', 'attempt'  # in the header of a numbered episode


class Attempt(NamedTuple):
    """An episode that was driven."""

    header: EpisodeHeader
    rows: list[Row]
    outcome: str
    kept: bool  # what it was to move is in place, and no more of the task than that


class Part(NamedTuple):
    """Who moves what in an episode."""

    policy: Any
    objects: tuple[str, ...]  # that it puts in place, in order; () if nothing must be at its end
    controller: str  # as a header names it
    decisions: int = 0  # at most; 0: as many as the task has
    linger: int | None = None  # decisions that it runs on; None: to its end


def part_of(wanted: Demonstrations, index: int, attempt: int = 0) -> Part:
    """Returns who moves what in an attempt at episode `index`.

    Raises ConfigError for an unknown object, a task without objects and a file of nobody's.
    """
    from moto_sim import tasks

    env = simulator(wanted)
    if wanted.human:
        people = _people(wanted.human)
        person = people[index % len(people)]
        return Part(
            policy=tasks.tracker(env, person),
            objects=person.moved,
            controller='teleop',
            decisions=len(person.actions),
        )
    objects = wanted.sequence(index, attempt)
    policy: Any = tasks.demonstrator(env, objects)
    linger = env.task.after_success if wanted.after_success is None else wanted.after_success
    return Part(
        policy=policy,
        objects=policy.objects if objects else (),
        controller='scripted',
        linger=linger,
    )


def attempts(wanted: Demonstrations, index: int) -> Iterator[Attempt]:
    """Yields up to ATTEMPTS attempts at episode `index`, each driven when it is asked for."""
    from moto_sim.episode import DEMONSTRATION, learning_seed, run_episode, simulated_header
    from moto_sim.noise import NoisyPolicy

    env = simulator(wanted)
    for attempt in range(ATTEMPTS):
        part = part_of(wanted, index, attempt)
        goal = env.task.goal(part.objects) if part.objects else None
        stream = [wanted.seed, index, attempt][: 3 if attempt else 2]
        seed = learning_seed(DEMONSTRATION, wanted.seed, index + attempt * FAR)
        about = {'noise': f'{wanted.noise:g}'}
        if wanted.numbered:
            about |= {OBJECTS: '+'.join(part.objects), INDEX: str(index), ATTEMPT: str(attempt)}
        header = simulated_header(
            env,
            seed,
            controller=part.controller,
            config_hash=wanted.hash if wanted.numbered else '',
            extra=about,
        )
        rows: list[Row] = []
        result = run_episode(
            env,
            NoisyPolicy(part.policy, wanted.noise, np.random.default_rng(stream)),
            seed,
            rows.append,
            max_steps=part.decisions,
            after_success=part.linger,
            start=header.created,
            goal=goal,
        )
        whole = set(part.objects) >= set(header.parts)
        kept = goal is None or (goal() and result.success == whole)
        yield Attempt(header=header, rows=rows, outcome=result.outcome, kept=kept)


@lru_cache(1)
def simulator(wanted: Demonstrations) -> Any:
    """Returns this process's environment, made on the first call."""
    from moto_sim import tasks
    from moto_sim.setups import choose_setup

    setup = choose_setup(
        wanted.task,
        robot=wanted.robot,
        profile=wanted.profile,
        actuation=wanted.actuation,
        view=wanted.view,
    )
    own = wanted.proprioception
    return tasks.make(
        wanted.task, setup, size=wanted.size, proprioception=None if own is None else list(own)
    )


@lru_cache(1)
def _people(path: str) -> Any:
    from moto_sim.human import read_human

    return read_human(path)
