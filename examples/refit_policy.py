"""Is it the features or the fit? A model-free row's policy beside one fitted to its features anew.

python examples/refit_policy.py runs/mine

On the datasets of a run of bc, iql, cql or sac: how far the mean action of its policy is from the
data's, entry by entry; then of the same policy after further steps of plain cloning on features
that stay as they are, and of a linear map of these. Rows of a quarter of the batches are not
fitted. What a few hundred steps mend was not lacking in the features. The run is not changed.
"""

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor

from moto_core.command import Parser, run_command, whole
from moto_core.errors import ConfigError
from moto_learning.agents.latent import to_tensors
from moto_learning.agents.pixel_learner import PixelLearner
from moto_learning.agents.transitions import cut_transitions
from moto_learning.data.replay import Replay
from moto_learning.run.checkpoint import learner_of, read_checkpoint, replay_of
from moto_learning.run.checkpoints import latest_checkpoint
from moto_learning.run.processor import use_processor

BATCHES, FITTED = 12, 0.75  # drawn; the share of their rows that is fitted
BATCH, RATE = 256, 3e-4


def main(args: argparse.Namespace) -> int:
    """Prints the errors before and after; returns 0."""
    use_processor(1)
    checkpoint = read_checkpoint(latest_checkpoint(Path(args.run)))
    learner = learner_of(checkpoint)
    if not isinstance(learner, PixelLearner):
        raise ConfigError(f"agent '{checkpoint.config.agent}' has a world model; take a bc or iql")
    feat, action = features(learner, replay_of(checkpoint, seed=5))
    fitted = int(FITTED * len(feat))
    show('now', learner, feat[fitted:], action[fitted:])
    ones = torch.ones(len(feat), 1)
    map_ = torch.linalg.lstsq(torch.cat([feat, ones], 1)[:fitted], action[:fitted]).solution
    linear = torch.cat([feat, ones], 1)[fitted:] @ map_
    print(f'a linear map: {listed((linear - action[fitted:]).abs().mean(0))}')
    optimizer = torch.optim.Adam(learner.actor.parameters(), RATE)
    generator = torch.Generator().manual_seed(0)
    for _ in range(args.steps):
        rows = torch.randint(0, fitted, (BATCH,), generator=generator)
        loss = -learner.actor(feat[rows]).log_prob(action[rows]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    show(f'after {args.steps} steps', learner, feat[fitted:], action[fitted:])
    return 0


@torch.no_grad()
def features(learner: PixelLearner, replay: Replay) -> tuple[Tensor, Tensor]:
    """Returns features (N, F) and actions (N, A) of some batches."""
    generator, c = torch.Generator().manual_seed(0), learner.settings
    feats, actions = [], []
    for _ in range(BATCHES):
        data = to_tensors(replay.sample(), learner.device)
        cut = cut_transitions(data, c.encoder.frames, c.batch, generator)
        feats.append(learner.encoder(*cut.now))
        actions.append(cut.action)
    return torch.cat(feats), torch.cat(actions)


@torch.no_grad()
def show(name: str, learner: PixelLearner, feat: Tensor, action: Tensor) -> None:
    """Prints how far the mean action is off, and how wide the policy is."""
    policy = learner.actor(feat)
    error = (policy.mode() - action).abs().mean(0)
    print(f'{name}: {listed(error)}, standard deviation {listed(policy.scale.mean(0))}')


def listed(values: Tensor) -> str:
    """Returns numbers as text."""
    return ' '.join(f'{value:.3f}' for value in values.tolist())


def parser() -> Parser:
    """Returns the arguments."""
    made = Parser('refit_policy.py', __doc__)
    made.add_argument('run', help='of a row without a world model')
    made.add_argument('--steps', type=whole(0), default=1500, help='of cloning (default: 1500)')
    return made


if __name__ == '__main__':
    sys.exit(run_command(parser, main))
