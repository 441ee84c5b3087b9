"""Runs as moto-train leaves them, written in a moment: known numbers, a tiny learner's weights."""

import json

import numpy as np

from moto_core.config import to_dict, to_yaml
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row
from moto_learning.agents.moto import MotoLearner
from moto_learning.report.results import About, Kept, Lag, Promise
from moto_learning.run.checkpoints import save_checkpoint
from moto_learning.run.heldout import Evaluation
from tests.learning import tiny_learner as tiny

TASK = 'metaworld-coffee-push'
ROWS = 12


def evaluation(decisions, successes, starts=20, explore='mode', **changes):
    return {
        'updates': 1000 + decisions,
        'episodes': decisions // 100,
        'decisions': decisions,
        'explore': explore,
        'seed': 10_000,
        'starts': starts,
        'successes': successes,
        'return_': float(successes),
        'length': 100.0,
        'disagreement': 0.5,
        'seconds': 2.0,
        **changes,
    }


def entry(index, success=0.0, decisions=100.0, return_=1.0):
    metrics = {'success': success, 'decisions': decisions, 'return': return_, 'disagreement': 0.25}
    return {
        'index': index,
        'id': f'01ARZ3NDEKTSV4RRFFQ69G5F{index:02d}',
        'update': 10 * index,
        'metrics': {f'episode/{name}': value for name, value in metrics.items()},
    }


def write_lines(path, lines):
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))


def write_run(
    path, *overrides, evaluations=(), entries=(), metrics=(), data=(), own=(), updates=7
):
    """Writes a run's files; without `updates` it has no checkpoint yet. Returns its folder.

    Its checkpoint learned from all episodes of `data`, and from its `own`.
    """
    path.mkdir(parents=True)
    config = tiny.config(f'collect.task={TASK}', *overrides)
    (path / 'config.yaml').write_text(to_yaml(config))
    write_lines(path / 'evaluations.jsonl', evaluations)
    write_lines(path / 'episodes.jsonl', entries)
    write_lines(path / 'metrics.jsonl', metrics)
    if updates:
        learner = MotoLearner(config, tiny.spec())
        counters = {'offline': updates, 'episodes': 0, 'online': 0, 'online_goal': 0}
        there = [Dataset.open(one) for one in data if one.is_dir()]
        meta = {
            'updates': updates,
            'data': [str(one) for one in data],
            'episodes': [record.id for one in there for record in one.episodes()] + [*own],
            'counters': counters,
        }
        save_checkpoint(path, learner.state_dict(), {}, config, tiny.spec(), meta)
    return path


def record(root, episodes=2, task=TASK, seed=0, rows=ROWS, starts=None, **header):
    """Records episodes of random images; the reward is 1 in the last third. Returns the folder.

    `starts`: of the simulator's reset that the first episode began with; None: no simulator's.
    `header`: what else the headers say.
    """
    with Dataset.create_or_open(root, floor=0) as dataset:
        for index in range(episodes):
            random = np.random.default_rng([seed, index])
            start = None if starts is None else starts + index
            named = {'task': task, 'source': 'sim', 'seed': start} | header
            made = EpisodeHeader(**named, spec=tiny.spec())
            with dataset.new_episode(made) as writer:
                for t in range(rows):
                    action = random.uniform(-1, 1, 2).astype(np.float32)
                    writer.append(
                        Row(
                            stamp=t,
                            images={'front': random.integers(0, 255, (8, 12, 3), np.uint8)},
                            requested=action,
                            executed=action,
                            reward=float(3 * t >= 2 * rows),
                            success=3 * t >= 2 * rows,
                            is_first=t == 0,
                        )
                    )
                writer.close('success')
    return root


def kept(*evaluations, origin='first', promises=(), lags=(), **about):
    """A run as results hold it, of the row MOTO on 10 episodes unless `about` says others."""
    usual = {'task': TASK, 'row': 'moto', 'settings': {'replay.batch': 2}, 'preset': 'laptop'}
    usual |= {'path': 'runs/one', 'data_hash': 'abcd1234', 'data_episodes': 10, 'updates': 100}
    return Kept(
        origin=origin,
        about=About(**(usual | about)),
        evaluations=[Evaluation(**one) for one in evaluations],
        promises=[Promise(**one) for one in promises],
        lags=[Lag(**one) for one in lags],
    )


def read_episodes(root):
    with Dataset.open(root) as dataset:
        return [dataset.read(record.id) for record in dataset.episodes()]


def config_of(*overrides):
    return to_dict(tiny.config(*overrides))
