"""What an agent cannot learn from data without a reward, or without a success.

In: a Training, before it runs. Out: lines that say what it lacks and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from moto_core.episodes.episode import LABELLED
from moto_learning.run.train import Training

NO_REWARD = {  # agent: what it learns all the same
    'moto': 'world model and behaviour are learned, but no value',
    'bc': '',  # it asks for none
    'dreamer_v2': 'the world model is learned, but no value and no policy',
    'latent_replay': 'the world model is learned, but no value and no policy',
    'iql': 'nothing is learned',
    'cql': 'nothing is learned',
    'sac': 'nothing is learned',
}
NO_SUCCESS = {  # agent: what it lacks without a successful episode
    'moto': 'the behaviour prior is empty, and nothing is imitated until one is. Record or label '
    'successes, or set actor_critic.actor.beta=0 if that is meant',
    'bc': 'nothing is imitated, and so nothing is learned until one is. Record or label successes',
}
REWARD_FROM = {  # source of episodes: where their reward comes from
    'sim': "A simulator's episodes have theirs from the task alone, whatever their labels say: "
    'record some that do a part of it (moto-data collect)',
    'robot': "A robot's episodes get theirs from labels: moto-data label {data} EPISODE success",
}


def lacking(training: Training) -> Iterator[str]:
    """Says what the data lack for the agent, a line each."""
    config, replay = training.config, training.replay
    if not replay.rewarded and NO_REWARD[config.agent]:
        yield f'no row of the data has a reward: {NO_REWARD[config.agent]}.'
        yield from _rewards_from(training)
    meant = config.agent == 'moto' and not config.actor_critic.actor.beta
    if not replay.has_success and config.agent in NO_SUCCESS and not meant:
        yield f'no episode of the data is successful: {NO_SUCCESS[config.agent]}'


def _rewards_from(training: Training) -> list[str]:
    """Says where rewards are from, for each source of episodes."""
    roots: dict[str, Path] = {}  # source: a dataset that has episodes of it
    for dataset in training.datasets:
        for record in dataset.index.records.values():
            roots.setdefault('robot' if record.source in LABELLED else 'sim', dataset.root)
    return [text.format(data=roots[name]) for name, text in REWARD_FROM.items() if name in roots]
