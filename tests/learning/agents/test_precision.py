"""Every row of the paper with products in bfloat16: what is kept stays in float32."""

import pytest
import torch

from moto_core.config import config_file, load_config
from moto_learning.agents.learner import make_learner
from moto_learning.agents.precision import products
from moto_learning.config import Config
from tests.learning import tiny_learner as tiny
from tests.learning.operations import Operations

ROWS = sorted(path.stem for path in config_file('train/rows', 'moto').parent.glob('*.yaml'))
PRODUCTS = 'aten.mm', 'aten.addmm', 'aten.bmm', 'aten.baddbmm', 'aten.convolution'


def learner(row, precision):
    changes = [f'train.precision={precision}', 'actor_critic.actor.prior_steps=1']
    changes += ['actor_critic.actor.average=0.5', 'model.reward_likelihood=two_hot']
    changes += ['model_free.encoder.channels=[2,3]', 'model_free.encoder.padding=1']
    config = load_config(Config, tiny.TINY, config_file('train/rows', row), overrides=changes)
    return make_learner(config, tiny.spec(proprioception=('position',)))


def update(agent, seed=0):
    return agent.update(tiny.batch(seed, proprioception=2))


def tensors_of(state):
    if isinstance(state, dict):
        return [value for part in state.values() for value in tensors_of(part)]
    return [state] if isinstance(state, torch.Tensor) else []


def products_seen():
    """Notes the type of every product's result."""

    def note(function, args, kwargs, found):
        return found.dtype if str(function).rsplit('.', 1)[0] in PRODUCTS else None

    return Operations(note)


@pytest.mark.parametrize('row', ROWS)
def test_products_are_in_bfloat16_and_what_is_kept_in_float32(row):
    agent = learner(row, 'bfloat16')
    with products_seen() as ops:
        metrics = update(agent)
    assert metrics['update/skipped'] == 0 and set(ops.seen) == {torch.bfloat16}
    kept = [value.dtype for value in tensors_of(agent.state_dict()) if value.is_floating_point()]
    assert set(kept) == {torch.float32}


@pytest.mark.parametrize('row', ROWS)
def test_the_losses_are_those_of_float32_to_two_digits(row):
    found, expected = (update(learner(row, kind)) for kind in ('bfloat16', 'float32'))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if 'loss' in name or 'value' in name or name == 'model/kl':
            assert found[name] == pytest.approx(value, rel=0.05, abs=0.03), name


@pytest.mark.parametrize('row', ROWS)
def test_in_float32_nothing_is_cast(row):
    with products_seen() as ops:
        update(learner(row, 'float32'))
    assert set(ops.seen) == {torch.float32}


def test_a_weight_that_changed_is_cast_anew():
    weight = torch.nn.Parameter(torch.eye(2))
    with products('bfloat16', torch.device('cpu')):
        before = torch.ones(2) @ weight
        with torch.no_grad():
            weight.mul_(2)
        after = torch.ones(2) @ weight
    assert after.tolist() == [2, 2] and before.dtype == torch.bfloat16


def test_the_policy_acts_in_float32_whatever_it_learns_in():
    agent = learner('moto', 'bfloat16')
    update(agent)
    policy, image = agent.policy(), tiny.batch()['images']['front'][0, 0]
    vector = torch.zeros(2).numpy()
    with products_seen() as ops:
        policy.step({'front': image}, vector, policy.initial())
    assert ops.seen and set(ops.seen) == {torch.float32}
