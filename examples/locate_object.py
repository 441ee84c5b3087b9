"""Does my model see it? How well a run's latent states know where the object and its goal are.

python examples/locate_object.py runs/mine

The scripted expert of the run's MetaWorld task approaches the object from starts that no run
learns from. From the posterior's features along half of these episodes ridge regression learns
where things truly are; a quarter chooses how much it is held back, the last quarter tests it. One
line a checkpoint that the run kept: the median error, and in brackets that of a guess that never
looks, the mean of all places. What is in one place at every start is left out. With --updates the
last checkpoint's learner goes on, on the datasets that it was given. The run itself is not
changed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from moto_core.command import Parser, run_command, whole
from moto_core.errors import ConfigError
from moto_learning.agents.latent import LatentLearner
from moto_learning.agents.learner import Learner
from moto_learning.data.batch import previous_actions
from moto_learning.data.sources import open_datasets
from moto_learning.run.checkpoint import Checkpoint, learner_of, read_checkpoint, replay_of
from moto_learning.run.checkpoints import checkpoints_of, latest_checkpoint
from moto_learning.run.processor import use_processor
from moto_learning.run.simulator import online_environment
from moto_sim.approach import SETTLED, STILL, Seen, approach

PENALTIES = np.logspace(-1, 5, 13)  # of the regression: the one that errs least is taken


class Located(NamedTuple):
    """How far off a thing is found, medians [cm]."""

    error: float
    guess: float  # of the mean place


def main(args: argparse.Namespace) -> int:
    """Prints the errors of every checkpoint, then after the further updates; returns 0."""
    use_processor(1)
    newest = read_checkpoint(latest_checkpoint(Path(args.run)))
    if not isinstance(learner_of(newest), LatentLearner):
        raise ConfigError(f"agent '{newest.config.agent}' has no latent states to look into")
    seen = collect(newest, args.episodes, args.seed)
    for learner in learners(args.run, newest, args.updates):
        found = locate(learner, seen)
        if args.json:
            things = {name: at._asdict() for name, at in found.items()}
            print(json.dumps({'updates': learner.updates, 'unit': 'cm', **things}))
        else:
            said = [f'{name} {at.error:.2f} ({at.guess:.2f})' for name, at in found.items()]
            print(f'{learner.updates} updates: {", ".join(said)} cm')
    return 0


def collect(checkpoint: Checkpoint, episodes: int, seed: int) -> list[list[Seen]]:
    """Returns the rows of each approach; raises ConfigError for a task that is not MetaWorld's."""
    datasets = open_datasets([Path(path) for path in checkpoint.meta['data']])
    env = online_environment(checkpoint.config, checkpoint.spec, datasets)
    return [list(approach(env, seed + episode)) for episode in range(episodes)]


def learners(run: str, newest: Checkpoint, updates: int) -> Iterator[Learner]:
    """Yields the learner of each checkpoint, and the last one again after further updates."""
    for path in checkpoints_of(Path(run)) or [newest.path]:
        yield (learner := learner_of(read_checkpoint(path)))
    if updates:
        replay = replay_of(newest, seed=0)
        for _ in range(updates):
            learner.update(replay.sample())
        yield learner


def locate(learner: Any, seen: list[list[Seen]]) -> dict[str, Located]:
    """Returns by thing how far off it is found from the learner's latent states."""
    x = [features(learner, rows)[SETTLED:] for rows in seen]
    found = {}
    for name in seen[0][0].places:
        y = [np.stack([row.places[name] for row in rows[SETTLED:]]) for rows in seen]
        if np.concatenate(y).std(0).max() > STILL:
            found[name] = regressed(x, y)
    return found


@torch.no_grad()
def features(learner: Any, rows: list[Seen]) -> np.ndarray:
    """Returns the posterior's features (T, F) along an episode."""
    observed = {
        name: torch.from_numpy(np.stack([row.observation[name] for row in rows]))[None]
        for name in rows[0].observation
    }
    first = np.arange(len(rows)) == 0
    led = previous_actions(np.stack([row.action for row in rows]), first)
    model = learner.world_model
    embed = model.encoder(observed, observed.get('proprioception'))  # (1, T, E)
    action, is_first = torch.from_numpy(led)[None], torch.from_numpy(first)[None]
    return model.rssm.observe(embed, action, is_first).feat[0].numpy()


def regressed(x: list[np.ndarray], y: list[np.ndarray]) -> Located:
    """Returns how far off y (T, 3) [m] is foretold from x (T, F) in every fourth episode."""
    fit, choose, test = ((_rows(x, part), _rows(y, part)) for part in ((0, 1), (2,), (3,)))
    tried = [ridge(*fit, penalty) for penalty in PENALTIES]
    best = min(tried, key=lambda weights: _apart(_foretold(weights, choose[0]), choose[1]))
    guess = np.broadcast_to(fit[1].mean(0), test[1].shape)
    return Located(_apart(_foretold(best, test[0]), test[1]), _apart(guess, test[1]))


def ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Returns the weights (F + 1, 3) of x (N, F) and of 1 that foretell y (N, 3)."""
    middle = x.mean(0)
    x = x - middle
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (y - y.mean(0)))
    return np.concatenate([weights, [y.mean(0) - middle @ weights]])


def _foretold(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    return x @ weights[:-1] + weights[-1]


def _apart(guess: np.ndarray, truth: np.ndarray) -> float:
    return 100 * float(np.median(np.linalg.norm(guess - truth, axis=-1)))  # [cm]


def _rows(episodes: list[np.ndarray], part: tuple[int, ...]) -> np.ndarray:
    return np.concatenate([rows for i, rows in enumerate(episodes) if i % 4 in part])


def _parser() -> Parser:
    parser = Parser('locate_object.py', __doc__)
    parser.add_argument('run', help='a run of moto-train, or one of its checkpoints')
    parser.add_argument('--episodes', type=whole(4), default=240, help='4 or more')
    parser.add_argument('--updates', type=whole(0), default=0)
    parser.add_argument('--seed', type=int, default=30_000, help='of the first start')
    parser.add_argument('--json', action='store_true')
    return parser


if __name__ == '__main__':
    sys.exit(run_command(_parser, main))
