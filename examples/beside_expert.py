"""What a policy does where its expert would act otherwise, and how far single updates move it.

python examples/beside_expert.py runs/mine

At every state that the policy comes to, the task's scripted expert is asked for its action. One
line a decision: mean and spread over episodes of the policy's action less the expert's, entry by
entry. A mean is a bias (time after time to one side), a spread is what the policy does not see.
With --updates the learner goes on, on the datasets that it was given, and the same means are
printed after each update: what they jump by is how far one update moves what acts. If that is an
average over updates (actor_critic.actor.average), the policy itself follows behind a bar, which
single steps of the optimizer move. The run is not changed.
"""

import argparse
import copy
import sys
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.command import Parser, run_command, whole
from moto_learning.agents.learner import Learner
from moto_learning.data.sources import open_datasets
from moto_learning.run.checkpoint import learner_of, replay_of
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.simulator import online_environment
from moto_sim import tasks


def main(args: argparse.Namespace) -> int:
    """Prints the differences, by decision and then by update; returns 0."""
    checkpoint, asked = load_checkpoint(Path(args.run)), (args.episodes, args.decisions, args.seed)
    learner = learner_of(checkpoint)
    datasets = open_datasets([Path(path) for path in checkpoint.meta['data']])
    env = online_environment(checkpoint.config, checkpoint.spec, datasets)
    for decision, entries in enumerate(differences(learner, env, *asked)):
        print(f'decision {decision}: {said(entries)}')
    replay = replay_of(checkpoint, args.seed)
    for update in range(args.updates + 1):
        found = [differences(one, env, *asked) for one in acting(learner)]
        means = [said(entries.reshape(-1, entries.shape[-1])) for entries in found]
        print(f'update {update}: {" | ".join(means)}', flush=True)
        if update < args.updates:
            learner.update(replay.sample())
    return 0


def acting(learner: Any) -> list[Learner]:
    """Returns the learner, and it again with its policy acting if an average of it does."""
    if getattr(learner, 'acting', None) in (None, learner.actor):
        return [learner]
    itself = copy.copy(learner)
    itself.acting = learner.actor
    return [learner, itself]


def differences(
    learner: Learner, env: Any, episodes: int, decisions: int, seed: int
) -> np.ndarray:
    """Returns the policy's action less the expert's (decisions, episodes, A)."""
    policy, expert = learner.policy(), tasks.demonstrator(env)
    found = np.zeros((decisions, episodes, env.spec.action_size))
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed + episode)
        state = policy.initial()
        expert.initial()
        for decision in range(decisions):
            vector = observation.get('proprioception')
            step = policy.step(observation, vector, state)
            wanted = expert.step(observation, vector, {}).action
            found[decision, episode] = step.action - wanted
            observation, *_ = env.step(step.action)
            state = step.state
    return found


def said(entries: np.ndarray) -> str:
    """Returns mean and spread of (N, A) in words."""
    pairs = zip(entries.mean(0), entries.std(0))
    return '  '.join(f'{mean:+.2f} ({spread:.2f})' for mean, spread in pairs)


def _parser() -> Parser:
    parser = Parser('beside_expert.py', __doc__)
    parser.add_argument('run', help='a run of moto-train, or one of its checkpoints')
    parser.add_argument('--episodes', type=whole(1), default=12)
    parser.add_argument('--decisions', type=whole(1), default=20, help='of each episode')
    parser.add_argument('--updates', type=whole(0), default=0)
    parser.add_argument('--seed', type=int, default=10_000, help='of the first start')
    return parser


if __name__ == '__main__':
    sys.exit(run_command(_parser, main))
