"""Which settings an agent has no use for: typed for it, they would change nothing.

In: settings before and after a person's choices. Out: what changed without being read. A preset is
for every row of the paper, so that its file may hold what a row leaves aside; a person who types
such a setting is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto_core.config import flatten, to_dict
from moto_core.errors import ConfigError
from moto_learning.config import Config

_LATENT = ('model_free',)
_PIXELS = ('model', 'actor_critic', 'latent')
_PENALTY = ('actor_critic.penalty.alpha', 'actor_critic.penalty.relative')
_FADING = tuple(f'actor_critic.actor.beta_{name}' for name in ('from', 'counts', 'final'))
_PRIOR = ('actor_critic.actor.prior_steps', 'actor_critic.actor.beta_half', *_FADING)
_EXPANSION = (
    *('actor_critic.actor.value_scale', 'actor_critic.actor.relative', 'actor_critic.actor.value'),
    *('actor_critic.critic.data_value', 'actor_critic.critic.model_scale'),
    'actor_critic.critic.data_scale',
)

UNREAD: dict[str, tuple[str, ...]] = {
    'moto': ('latent', *_LATENT),
    'dreamer_v2': (
        *('latent', *_LATENT, *_PENALTY, *_PRIOR, *_EXPANSION),
        *('actor_critic.critic.members', 'actor_critic.critic.normalize'),
        'actor_critic.critic.zero_start',
    ),
    'latent_replay': (
        *(*_LATENT, *_PENALTY, *_PRIOR, *_EXPANSION),
        *('actor_critic.lambda_', 'actor_critic.actor.entropy'),
        'actor_critic.actor.state_gradient',
    ),
    'bc': (
        *(*_PIXELS, 'model_free.discount', 'model_free.target_rate'),
        *('model_free.sac', 'model_free.cql', 'model_free.iql'),
    ),
    'iql': (*_PIXELS, 'model_free.sac', 'model_free.cql'),
    'cql': (*_PIXELS, 'model_free.iql'),
    'sac': (*_PIXELS, 'model_free.cql', 'model_free.iql'),
}
"""By agent: settings, or groups of them, that nothing of it reads."""


IDLE: dict[str, tuple[str, ...]] = {
    'actor_critic.actor.beta': (*_PRIOR, 'model.behaviour_scale'),
    'actor_critic.actor.beta_half': _FADING,
    'actor_critic.penalty.alpha': ('actor_critic.penalty.relative',),
    'actor_critic.actor.value_scale': ('actor_critic.actor.relative', 'actor_critic.actor.value'),
    'latent.alpha': ('latent.spread',),
    'replay.demonstrations': ('replay.demonstrations_half',),
    'model.kl.scale': ('model.kl.balance', 'model.kl.free', 'model.kl.free_average'),
    **{
        f'{group}.optimizer.decay_updates': (f'{group}.optimizer.final',)
        for group in ('model', 'actor_critic.actor', 'actor_critic.critic', 'model_free')
    },
}
"""By weight: settings that change nothing while it is 0."""

_NO_PRIOR = 'dreamer_v2', 'latent_replay'  # beta is there for what shapes their latent states


def is_read(settings: Mapping[str, Any], key: str) -> bool:
    """Says whether the agent of some settings, by dotted key, may read one of them.

    A weight that they do not hold is taken for one that is not 0.
    """
    agent = settings.get('agent', '')
    groups = [*UNREAD.get(agent, ())]
    for weight, weighed in IDLE.items():
        groups += weighed if settings.get(weight, 1) == 0 else ()
    if agent in _NO_PRIOR and settings.get('model.behaviour_scale', 1) == 0:
        groups.append('actor_critic.actor.beta')
    if settings.get('collect.explore', 'noise') != 'noise':
        groups.append('collect.noise')
    return not any(key == group or key.startswith(f'{group}.') for group in groups)


def unread(before: Config, after: Config) -> dict[str, Any]:
    """Returns the settings, with their values, that changed and that the agent does not read."""
    old, new = (dict(flatten(to_dict(config))) for config in (before, after))
    return {
        key: value for key, value in new.items() if value != old.get(key) and not is_read(new, key)
    }


def check_read(changes: Sequence[tuple[Config, Config]]) -> None:
    """Raises ConfigError for a setting that changed where no agent reads it, of before and after.

    What is typed for several rows of the paper may be there for one of them.
    """
    found = [unread(before, after) for before, after in changes]
    for key in found[0] if found else ():
        if all(key in one for one in found):
            agents = ', '.join(sorted({f"'{after.agent}'" for _, after in changes}))
            raise ConfigError(
                f"'{key}={found[0][key]}' changes nothing: {agents} does not read it; leave it "
                'away'
            )
