import pytest
import torch
from torch import nn

from moto_learning.agents.optimizer import Optimizer, rate_factor
from moto_learning.config import OptimizerConfig
from tests.learning import tiny_learner as tiny


def test_the_rate_rises_then_falls_linearly_to_its_fraction_and_stays():
    config = OptimizerConfig(final=0.1, decay_updates=100, warmup_updates=4)
    steps = torch.tensor([0.0, 3, 50, 100, 900])
    found = rate_factor(steps, config).tolist()
    assert found == pytest.approx([0.25, 1 - 0.9 * 0.03, 0.55, 0.1, 0.1])
    assert rate_factor(torch.tensor(10_000.0), OptimizerConfig()) == 1.0


def test_the_rate_of_each_step_is_that_of_the_schedule():
    weight = nn.Parameter(torch.tensor([0.0]).double())
    config = OptimizerConfig(
        rate=0.1, final=0.5, decay_updates=4, warmup_updates=2, eps=1e-12, weight_decay=0
    )
    optimizer, seen = Optimizer([weight], config), [0.0]
    for _ in range(6):  # of a constant gradient, every step of Adam has the size of the rate
        optimizer.step(weight.sum())
        seen.append(weight.item())
    steps = [before - after for before, after in zip(seen, seen[1:])]
    # factors: of the decay 1, 7/8, 3/4, 5/8, 1/2, 1/2; of the rise 1/2, 1
    assert steps == pytest.approx([0.05, 0.0875, 0.075, 0.0625, 0.05, 0.05])


def test_an_extra_step_leaves_the_schedule_where_it_is():
    weight = nn.Parameter(torch.tensor([0.0]).double())
    config = OptimizerConfig(rate=0.1, final=0, decay_updates=2, eps=1e-12, weight_decay=0)
    optimizer, seen = Optimizer([weight], config), [0.0]
    for extra in (True, True, False, True, False):
        optimizer.step(weight.sum(), extra=extra)
        seen.append(weight.item())
    steps = [before - after for before, after in zip(seen, seen[1:])]
    assert steps == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05]) and optimizer.steps == 2


def test_each_group_of_networks_has_the_optimizer_of_its_own_settings():
    groups = {'model': 'model', 'actor': 'actor_critic.actor', 'critics': 'actor_critic.critic'}
    rates = {'model': 0.01, 'actor': 0.02, 'critics': 0.03}
    agent = tiny.agent(
        *(f'{group}.optimizer.rate={rates[name]}' for name, group in groups.items()),
        *(f'{group}.optimizer.weight_decay=0' for group in groups.values()),
        *(f'{group}.optimizer.decay_updates=1' for group in groups.values()),
        *(f'{group}.optimizer.final=0' for group in groups.values()),
    )
    nets = {'model': agent.world_model, 'actor': agent.actor, 'critics': agent.critics}
    before = {name: tiny.weights(net) for name, net in nets.items()}
    agent.update(tiny.batch(0))
    after = {name: tiny.weights(net) for name, net in nets.items()}
    for name, rate in rates.items():  # a first step of Adam has at most the size of the rate
        moved = max((after[name][key] - before[name][key]).abs().max() for key in after[name])
        assert moved.item() == pytest.approx(rate, rel=0.1), name
    agent.update(tiny.batch(1))  # the rates have fallen to nothing
    assert all(tiny.same(after[name], tiny.weights(net)) for name, net in nets.items())


def test_adams_first_step_has_the_size_of_the_rate():
    weight = nn.Parameter(torch.tensor([1.0, -1.0]))
    optimizer = Optimizer([weight], OptimizerConfig(rate=0.1, eps=0.0, weight_decay=0.0))
    optimizer.step((weight * torch.tensor([3.0, -0.01])).sum())
    assert weight.tolist() == pytest.approx([0.9, -0.9])


def test_weight_decay_shrinks_by_its_own_fraction_at_each_update():
    weight = nn.Parameter(torch.tensor([2.0]))
    optimizer = Optimizer([weight], OptimizerConfig(rate=1e-3, weight_decay=0.25))
    optimizer.step((weight * 0).sum())
    assert weight.item() == pytest.approx(1.5)


def test_the_gradient_is_clipped_by_its_norm_which_is_returned():
    weight = nn.Parameter(torch.zeros(2))
    optimizer = Optimizer([weight], OptimizerConfig(clip=1.0, eps=1.0, rate=1.0, weight_decay=0))
    finite, norm = optimizer.step((weight * torch.tensor([30.0, 40.0])).sum())
    assert finite and norm.item() == pytest.approx(50)
    # after clipping g = (0.6, 0.8); Adam's first step is g / (|g| + eps)
    assert weight.tolist() == pytest.approx([-0.6 / 1.6, -0.8 / 1.8])


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_a_gradient_that_is_not_finite_changes_nothing(bad):
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = Optimizer([weight], OptimizerConfig(rate=0.1))
    optimizer.step(weight.sum())
    before, steps = weight.tolist(), optimizer.steps
    finite, _ = optimizer.step((weight * torch.tensor([bad, 1.0])).sum())
    assert not finite and weight.tolist() == before and optimizer.steps == steps
    assert weight.grad is None
    assert optimizer.step(weight.sum())[0] and weight.tolist() != before


def test_a_restored_optimizer_takes_the_same_step_with_the_rates_of_its_own_config():
    runs = []
    for rates in ((0.1, 0.1), (0.1, 0.5)):
        weight = nn.Parameter(torch.tensor([1.0, 2.0]))
        first = Optimizer([weight], OptimizerConfig(rate=rates[0], weight_decay=0))
        first.step((weight**2).sum())
        second = Optimizer([weight], OptimizerConfig(rate=rates[1], weight_decay=0))
        second.load_state_dict(first.state_dict())
        before = weight.detach().clone()
        second.step((weight**2).sum())
        runs.append((before - weight.detach()) / rates[1])
    assert torch.allclose(runs[0], runs[1], atol=1e-6)


def test_a_step_that_is_not_wanted_or_allowed_changes_nothing_and_does_not_count():
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = Optimizer([weight], OptimizerConfig(rate=0.1, weight_decay=0.1))
    finite, _ = optimizer.step(weight.sum(), wanted=torch.tensor(False))
    assert finite and weight.item() == 1 and optimizer.steps == 0 and not optimizer.due(1)
    optimizer.allowed = torch.tensor(False)
    assert optimizer.step(weight.sum(), wanted=torch.tensor(True))[0]
    assert weight.item() == 1 and optimizer.steps == 0
    optimizer.allowed = torch.tensor(True)
    optimizer.step(weight.sum(), wanted=torch.tensor(True))
    assert weight.item() < 1 and optimizer.steps == 1 and optimizer.due(1)


def test_targets_are_due_after_every_so_many_steps_that_were_taken():
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer, found = Optimizer([weight], OptimizerConfig(rate=0.1)), []
    for bad in (False, False, True, False, False):
        optimizer.step((weight * (float('nan') if bad else 1.0)).sum())
        found.append(bool(optimizer.due(2)))
    assert found == [False, True, False, False, True]
