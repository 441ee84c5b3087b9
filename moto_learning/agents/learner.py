"""What a run trains: the protocol that training, checkpoints, collection and export know.

In: the configuration's `agent`, a spec, a device. Out: a Learner. A new row of the paper is one
file with a class and one line in LEARNERS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from moto_core.errors import ConfigError, unknown_name
from moto_core.policy.policy import Policy
from moto_core.spec import Spec
from moto_learning import processes
from moto_learning.agents.bc import BCLearner
from moto_learning.agents.cql import CQLLearner
from moto_learning.agents.dreamer_v2 import DreamerV2Learner
from moto_learning.agents.iql import IQLLearner
from moto_learning.agents.latent_replay_learner import LatentReplayLearner
from moto_learning.agents.moto import MotoLearner
from moto_learning.agents.policy_graph import Graphs
from moto_learning.agents.sac import SACLearner
from moto_learning.agents.torch_policy import Exploration
from moto_learning.config import Config


class Learner(Protocol):
    """Networks, optimisers and random state that learn from batches of replay."""

    config: Config
    spec: Spec
    updates: int  # begun, skipped ones included
    skipped: int  # of them, those whose gradient was not finite

    def __init__(self, config: Config, spec: Spec, device: str = 'cpu') -> None:
        """Makes the networks from config.seed alone."""

    def update(self, batch: Mapping[str, Any]) -> dict[str, float]:
        """Trains on one batch and returns metrics; 'update/skipped' is 1 if nothing changed."""

    def policy(self, exploration: Exploration | None = None) -> Policy:
        """Returns the policy as it is now (without `exploration` its mode), to run in Python."""

    def graphs(self) -> Graphs:
        """Returns copies of the two networks that a bundle holds."""

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that the next update depends on, but for the batch."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned; on the same CPU the next update is bit-equal.

        Raises KeyError, TypeError, ValueError or RuntimeError for anything else.
        """


LEARNERS: dict[str, type[Learner]] = {
    'moto': MotoLearner,
    'dreamer_v2': DreamerV2Learner,
    'latent_replay': LatentReplayLearner,  # LOMPO, COMBO
    'bc': BCLearner,
    'iql': IQLLearner,
    'cql': CQLLearner,
    'sac': SACLearner,
}
"""Every learner by the name that the configuration's `agent` gives it."""


SHARED = 'moto', 'dreamer_v2'
"""The learners whose update several processes make together."""


def make_learner(config: Config, spec: Spec, device: str = 'cpu') -> Learner:
    """Returns a new learner of the kind that config.agent names; raises ConfigError."""
    if config.agent not in LEARNERS:
        raise ConfigError(unknown_name('agent', config.agent, LEARNERS))
    if processes.number() > 1:
        check_shared(config, processes.number())
    return LEARNERS[config.agent](config, spec, device)


def check_shared(config: Config, number: int) -> None:
    """Raises ConfigError if so many processes cannot make an update of this configuration."""
    if config.agent not in SHARED:
        raise ConfigError(
            f"agent '{config.agent}' trains in one process; {', '.join(SHARED)} in several: start "
            f'it without torchrun, not {number} times'
        )
    if config.train.engine != 'eager':
        raise ConfigError(
            f"train.engine is '{config.train.engine}', which was never tried in several "
            f'processes ({number} here): use train.engine=eager'
        )
    c, starts = config.replay, config.actor_critic.starts
    shared = {'replay.batch': c.batch}
    if starts < c.batch * c.length:
        shared['actor_critic.starts'] = starts  # 0: all of them
    for name, count in shared.items():
        if count % number:
            raise ConfigError(
                f'{name} is {count}, of the joined batch of {number} processes; expected a '
                f'multiple of {number}, so that each has as many'
            )
