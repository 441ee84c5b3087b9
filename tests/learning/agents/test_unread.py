"""Settings that an agent does not read, by watching what it reads."""

from dataclasses import fields, is_dataclass

import pytest

from moto_core.config import config_file, load_config
from moto_core.errors import ConfigError
from moto_core.fields import list_keys
from moto_learning.agents.learner import LEARNERS, make_learner
from moto_learning.agents.unread import IDLE, UNREAD, check_read, is_read
from moto_learning.config import Config
from tests.learning import tiny_learner as tiny

GROUPS = ('model', 'actor_critic', 'latent', 'model_free')  # what learners read
ROWS = {
    'moto': ['moto'],
    'dreamer_v2': ['dreamer_v2'],
    'latent_replay': ['lompo', 'combo'],
    **{name: [name] for name in ('bc', 'iql', 'cql', 'sac')},
}
ON = (  # whatever is read only if something else is set
    'actor_critic.actor.average=0.5',
    'actor_critic.actor.beta_half=3',
    'actor_critic.actor.mean_cap=2',
    'actor_critic.actor.prior_steps=2',
    'actor_critic.actor.relative=true',
    'actor_critic.critic.normalize=true',
    'actor_critic.critic.target_rate=0.1',
    'actor_critic.penalty.relative=true',
    'actor_critic.starts=2',
    'model.behaviour_scale=1',
    'model.decoded=0.5',
    'model.shift=1',
    *(
        f'{group}.optimizer.decay_updates=9'
        for group in ('model', 'actor_critic.actor', 'actor_critic.critic', 'model_free')
    ),
    'model_free.encoder.channels=[2,3]',
    'model_free.encoder.padding=1',
)


def sections(config, prefix=''):
    """Every group of settings with the beginning of its keys."""
    yield prefix, config
    for one in fields(config):
        value = getattr(config, one.name)
        if is_dataclass(value):
            yield from sections(value, f'{prefix}{one.name}.')


def read_by(row, monkeypatch):
    """The keys that a learner reads in three updates, and when it acts, is saved and exported."""
    config = load_config(Config, tiny.TINY, config_file('train/rows', row), overrides=ON)
    known = {id(section): prefix for prefix, section in sections(config)}
    kinds = {type(section) for _, section in sections(config)}
    read = set()

    def watched(self, name):
        if id(self) in known:
            read.add(known[id(self)] + name)
        return object.__getattribute__(self, name)

    with monkeypatch.context() as patch:
        for kind in kinds:
            patch.setattr(kind, '__getattribute__', watched, raising=False)
        learner = make_learner(config, tiny.spec(proprioception=('position',)))
        for seed in range(3):
            learner.update(tiny.batch(seed, proprioception=2))
        learner.policy(), learner.state_dict(), learner.graphs()
    return read


@pytest.mark.parametrize('agent', LEARNERS)
def test_what_an_agent_does_not_read_is_said_and_nothing_else(agent, monkeypatch):
    read = set().union(*(read_by(row, monkeypatch) for row in ROWS[agent]))
    keys = {key.name for key in list_keys(Config()) if key.name.split('.')[0] in GROUPS}
    assert {key for key in keys if not is_read({'agent': agent}, key)} == keys - read
    for group in UNREAD[agent]:
        assert any(key == group or key.startswith(f'{group}.') for key in keys), group


def changed(agent, *settings):
    """A config before and after settings that a person typed."""
    return load_config(Config, {'agent': agent}), load_config(
        Config, {'agent': agent}, overrides=settings
    )


def test_a_setting_that_no_agent_reads_is_refused():
    typed = ('seed=3', 'latent.alpha=2', 'model_free.sac.entropy=0')
    for agents in (['latent_replay'], ['moto', 'latent_replay']):
        with pytest.raises(ConfigError, match="'model_free.sac.entropy=0.0' changes nothing"):
            check_read([changed(agent, *typed) for agent in agents])
        check_read([changed(agent, *typed[:2]) for agent in agents])
    with pytest.raises(ConfigError, match="'latent.alpha=2.0' changes nothing: 'bc', 'moto' does"):
        check_read([changed(agent, *typed) for agent in ('moto', 'bc')])
    with pytest.raises(ConfigError, match="'model.shift=2' changes nothing: 'sac' does not read"):
        check_read([changed('sac', 'model={shift: 2}')])


def test_a_setting_that_is_typed_as_it_was_is_none_that_changes_nothing():
    check_read([changed('moto', 'latent.alpha=0', 'model_free.sac.temperature=0.1')])


def asked(row, *settings):
    """A row's settings with what a person typed."""
    return load_config(Config, tiny.TINY, config_file('train/rows', row), overrides=settings)


def trained(row, *settings):
    """The weights after two updates, as they are saved."""
    learner = make_learner(asked(row, *settings), tiny.spec())
    for seed in range(2):
        learner.update(tiny.batch(seed))
    return {
        f'{net}.{name}': value
        for net, module in learner.networks().items()
        for name, value in module.state_dict().items()
    }


@pytest.mark.parametrize(
    'row, weight, others',
    [
        ('moto', 'actor_critic.actor.beta', ('prior_steps=9', 'beta_half=5')),
        ('moto', 'actor_critic.actor.beta', ('beta_from=7', 'beta_final=1')),
        ('moto', 'actor_critic.actor.beta', ('/model.behaviour_scale=9',)),
        ('moto', 'actor_critic.actor.beta_half', ('beta_from=7', 'beta_final=0.9')),
        ('moto', 'actor_critic.penalty.alpha', ('relative=true',)),
        ('moto', 'actor_critic.actor.value_scale', ('relative=true', 'value=online')),
        ('moto', 'model.kl.scale', ('balance=0.5', 'free=3', 'free_average=false')),
        ('moto', 'model.optimizer.decay_updates', ('final=0.3',)),
        ('moto', 'actor_critic.actor.optimizer.decay_updates', ('final=0.3',)),
        ('moto', 'actor_critic.critic.optimizer.decay_updates', ('final=0.3',)),
        ('lompo', 'latent.alpha', ('spread=variance',)),
        ('dreamer_v2', 'model.behaviour_scale', ('/actor_critic.actor.beta=3',)),
        ('lompo', 'model.behaviour_scale', ('/actor_critic.actor.beta=3',)),
    ],
)
def test_what_a_weight_of_nothing_weighs_is_not_read_and_changes_nothing(row, weight, others):
    group = weight.rpartition('.')[0]
    typed = [one[1:] if one[0] == '/' else f'{group}.{one}' for one in others]
    on = 'model.behaviour_scale=1' if weight == 'actor_critic.actor.beta' else 'seed=0'
    plain, told = trained(row, on, f'{weight}=0'), trained(row, on, f'{weight}=0', *typed)
    assert all(plain[name].equal(told[name]) for name in plain)
    for one in typed:
        before, after = asked(row, f'{weight}=0'), asked(row, f'{weight}=0', one)
        with pytest.raises(ConfigError, match=f"'{one.partition('=')[0]}=.*' changes nothing"):
            check_read([(before, after)])
        fading = 'actor_critic.actor.beta_half=3', f'{weight}=1'
        check_read([(asked(row, *fading), asked(row, *fading, one))])


def test_what_shapes_latent_states_reads_the_weight_of_the_prior():
    for row in ('dreamer_v2', 'lompo'):
        on = ('model.behaviour_scale=1',)
        whole, without = trained(row, *on), trained(row, *on, 'actor_critic.actor.beta=0')
        assert not all(whole[name].equal(without[name]) for name in whole)
        check_read([(asked(row, *on), asked(row, *on, 'actor_critic.actor.beta=0'))])


def test_noise_is_for_those_who_explore_by_it():
    with pytest.raises(ConfigError, match="'collect.noise=0.3' changes nothing"):
        check_read([changed('moto', 'collect.noise=0.3')])
    check_read([changed('moto', 'collect.noise=0.3', 'collect.explore=noise')])


def test_every_weight_that_settings_hang_on_is_one():
    keys = {key.name for key in list_keys(Config())}
    assert {*IDLE, *(key for weighed in IDLE.values() for key in weighed)} <= keys
