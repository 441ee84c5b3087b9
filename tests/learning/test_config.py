import pytest

from moto_core.config import config_file, load_config
from moto_core.errors import ConfigError
from moto_core.fields import list_keys
from moto_learning.config import Config, ReplayConfig
from moto_learning.run.counters import is_evaluated
from moto_learning.run.resume import resumed_config
from tests.learning import tiny_learner as tiny


@pytest.mark.parametrize('name', ['demo', 'laptop', 'small', 'paper_metaworld', 'paper_kitchen'])
def test_every_preset_loads(name):
    assert load_config(Config, config_file('train', name)).model.rssm.members == 7


@pytest.mark.parametrize(
    'row, agent, alpha, conservatism',
    [
        ('moto', 'moto', 0, 0),
        ('dreamer_v2', 'dreamer_v2', 0, 0),
        ('lompo', 'latent_replay', 5, 0),
        ('combo', 'latent_replay', 0, 1),
    ],
)
def test_a_row_names_its_learner_and_its_weights_over_any_preset(row, agent, alpha, conservatism):
    c = load_config(Config, config_file('train', 'laptop'), config_file('train/rows', row))
    assert (c.agent, c.latent.alpha, c.latent.conservatism) == (agent, alpha, conservatism)
    assert c.model.rssm.deter == 256, "the preset's sizes stay"
    if agent == 'latent_replay':
        critic = c.actor_critic.critic
        assert (c.actor_critic.horizon, critic.target_every, critic.target_rate) == (5, 1, 0.005)


@pytest.mark.parametrize(
    'name, offline, online, each',
    [('paper_metaworld', 1000, 500, 20), ('paper_kitchen', 10_000, 1326, 50)],
)
def test_the_papers_presets_hold_the_papers_numbers(name, offline, online, each):
    c = load_config(Config, config_file('train', name))
    assert (c.train.offline_updates, c.train.online_episodes) == (offline, online)
    assert c.train.episode_updates == each
    r, m, a = c.model.rssm, c.model, c.actor_critic
    assert (r.members, r.stoch, r.classes, r.deter) == (7, 32, 32, 1024)
    assert m.encoder.channels == [48, 96, 192, 384] and m.encoder.kernel == 4
    assert (m.kl.balance, m.kl.scale, m.kl.free) == (0.8, 1.0, 1.0)
    assert (a.horizon, a.lambda_, a.discount, a.starts) == (15, 0.95, 0.99, 128)
    assert (a.penalty.alpha, a.actor.beta, a.actor.entropy) == (10, 10, 1e-4)
    assert (a.actor.min_std, a.critic.members, a.critic.target_every) == (0.1, 2, 100)
    for head in (m.reward, a.actor.head, a.critic.head):
        assert (head.layers, head.units) == (4, 400)
    rates = [o.optimizer.rate for o in (m, a.actor, a.critic)]
    assert rates == [1e-4, 8e-5, 8e-5]
    for o in (m, a.actor, a.critic):
        assert (o.optimizer.eps, o.optimizer.clip, o.optimizer.weight_decay) == (1e-5, 100, 1e-6)
        assert (o.optimizer.final, o.optimizer.warmup_updates) == (1.0, 0)
    assert (c.replay.batch, c.replay.length, c.model.decoded) == (16, 50, 1.0)


@pytest.mark.parametrize('name', ['laptop', 'paper_metaworld', 'paper_kitchen'])
def test_a_preset_of_a_whole_run_keeps_its_beginning_its_end_and_points_that_are_evaluated(name):
    c = load_config(Config, config_file('train', name))
    kept = c.train.milestone_episodes
    assert (kept[0], kept[-1]) == (0, c.train.online_episodes) and not c.train.milestone_updates
    assert all(is_evaluated(episodes, c) for episodes in kept)


@pytest.mark.parametrize('row', ['bc', 'iql', 'cql', 'sac'])
def test_the_model_free_rows_hold_the_papers_numbers(row):
    sources = [config_file('train', 'paper_metaworld'), config_file('train/rows', row)]
    c = load_config(Config, *sources)
    m = c.model_free
    assert c.agent == row
    assert m.encoder.channels == [32, 64, 128, 256]
    assert (m.encoder.latent, m.encoder.frames) == (50, 3)
    assert (m.head.layers, m.head.units) == (2, 256)
    assert (m.batch, m.optimizer.rate, m.discount, m.target_rate) == (256, 3e-4, 0.99, 0.005)
    assert (m.cql.alpha, m.iql.expectile, m.iql.beta) == (5, 0.5, 3)
    assert c.replay.batch * (c.replay.length - m.encoder.frames) == m.batch


@pytest.mark.parametrize(
    'override, message',
    [
        ('model.rssm.imagined=median', 'Valid: mean, member, row'),
        ('actor_critic.penalty.logits=centered', "Did you mean 'centred'"),
        ('actor_critic.actor.act_on=mean', 'Valid: mode, sample'),
        ('actor_critic.horizn=5', "Did you mean 'actor_critic.horizon'"),
        ('model.decoded=0', 'model.decoded is 0; expected above 0, at most 1'),
        ('replay.length=1', 'expected at least 2'),
        ('actor_critic.discount=7', 'actor_critic.discount is 7; expected above 0, at most 1'),
        ('actor_critic.discount=0', 'expected above 0'),
        ('actor_critic.lambda_=1.1', 'expected at least 0, at most 1'),
        ('model.rssm.deter=0', 'model.rssm.deter is 0; expected at least 1'),
        ('model.rssm.classes=1', 'expected at least 2'),
        ('model.encoder.channels=[]', 'model.encoder.channels has 0 entries; expected at least 1'),
        (
            'model.encoder.channels=[8, 0]',
            r'model.encoder.channels\[1\] is 0; expected at least 1',
        ),
        ('model.optimizer.rate=0', 'model.optimizer.rate is 0; expected above 0'),
        ('model.optimizer.rate=1e400', 'model.optimizer.rate is inf; expected a finite number'),
        ('train.offline_updates=-5', 'train.offline_updates is -5; expected at least 0'),
        ('train.threads=-3', 'train.threads is -3; expected at least 0'),
        ('model.encoder.padding=4', 'model.encoder.padding is 4; expected below 4'),
        (
            'model_free.encoder.padding=4',
            'model_free.encoder.padding is 4; expected below 4, model_free',
        ),
        ('model_free.iql.expectile=1', 'expectile is 1; expected above 0, below 1'),
        ('seed=-1', 'seed is -1; expected at least 0'),
        ('horizon=5', "unknown key 'horizon'. Did you mean 'actor_critic.horizon'"),
        ('train.horizn=5', "Did you mean 'actor_critic.horizon'"),
        ('actor_critic.actor.initial_std=0.1', 'initial_std is 0.1; expected between'),
        ('actor_critic.horizon=many', 'actor_critic.horizon'),
    ],
)
def test_a_wrong_setting_says_what_is_valid(override, message):
    with pytest.raises(ConfigError, match=message):
        tiny.config(override)


@pytest.mark.parametrize(
    'key',
    [
        key
        for key in list_keys(Config())
        if not isinstance(key.default, (str, bool)) and key.name != 'replay.success_parts'
    ],
)
@pytest.mark.parametrize('value', ['-1', '.nan', '.inf', '-.inf', '1e30'])
def test_no_number_may_be_negative_endless_or_absurd(key, value):
    if value == '1e30' and isinstance(key.default, float):
        value = '1e400'
    text = f'[{value}]' if isinstance(key.default, list) else value
    with pytest.raises(ConfigError) as caught:
        load_config(Config, overrides=[f'{key.name}={text}'])
    assert key.name in str(caught.value)


def test_every_setting_has_a_meaning():
    keys = list_keys(Config())
    assert len(keys) > 80
    assert [key.name for key in keys if not key.about] == []


def test_a_config_made_in_python_is_checked_too():
    with pytest.raises(ConfigError, match='replay.length is 0; expected at least 2'):
        Config(replay=ReplayConfig(length=0))


def test_a_resumed_run_takes_what_may_change_and_refuses_the_rest():
    stored = tiny.config('seed=4')
    found = resumed_config(stored, None, ['actor_critic.actor.beta=3', 'train.log_every=7'])
    assert found.actor_critic.actor.beta == 3 and found.train.log_every == 7
    assert found.seed == 4 and found.model == stored.model
    assert resumed_config(stored, None, ['seed=4']) == stored
    for setting in (
        'seed=5',
        'model.rssm.deter=9',
        'actor_critic.critic.members=3',
        'model.encoder.channels=[1]',
        'actor_critic.actor.head.units=9',
        'model_free.encoder.latent=9',
        'model_free.head.units=9',
        'model_free.sac.temperature=0.5',
        'model.reward_likelihood=two_hot',
        'actor_critic.critic.normalize=true',
        'actor_critic.critic.zero_start=true',
        'actor_critic.actor.initial_std=0.5',
    ):
        with pytest.raises(ConfigError, match='cannot become'):
            resumed_config(stored, None, [setting])
