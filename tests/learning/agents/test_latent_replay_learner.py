"""An update of LOMPO and COMBO is that of equations 16 to 21, number by number."""

import numpy as np
import pytest
import torch

from moto_core.errors import ConfigError
from tests.learning import tiny_learner as tiny
from tests.learning.agents import by_hand, by_hand_rows
from tests.learning.agents.test_update import PLAIN, check_gradients, gradients

SETTINGS = (
    *PLAIN,
    'actor_critic.horizon=3',
    'actor_critic.starts=0',
    'actor_critic.discount=0.8',
    'latent.batch=9',
    'latent.real=0.4',
    'latent.temperature=0.3',
)
READINGS = {
    'lompo': ('lompo', 'latent.alpha=0.7'),
    'lompo by variance': ('lompo', 'latent.alpha=0.7', 'latent.spread=variance'),
    'combo': ('combo', 'latent.conservatism=1.7'),
    'combo on real steps': ('combo', 'latent.conservatism=1.7', 'latent.real=1'),
    'both': ('lompo', 'latent.conservatism=0.6'),
    'imagined alone': ('lompo', 'latent.real=0'),
    'two-hot rewards': ('lompo', 'model.reward_likelihood=two_hot'),
    'a member a row': ('lompo', 'model.rssm.imagined=row'),
}


class Updated:
    """A learner after an update, and what the update was by hand."""

    def __init__(self, row, *overrides):
        self.agent, self.given, ahead = by_hand_rows.in_double(row, *SETTINGS, *overrides)
        self.before = by_hand_rows.weights_of(self.agent)
        self.steps = by_hand_rows.drawn(self.before, self.given, ahead)
        _, self.metrics = self.agent.update_behaviour(self.given.post, self.given.data)
        self.after = by_hand_rows.weights_of(self.agent)


@pytest.mark.parametrize('reading', READINGS)
def test_the_critics_go_down_equations_18_and_19(reading):
    found = Updated(*READINGS[reading])
    c, w, steps = found.given.config, found.before, found.steps
    target, down = by_hand_rows.targets(w, found.given, steps, 0.3), None
    if c.latent.conservatism and steps.imagined:
        down, _ = by_hand_rows.act(w, c, steps.feat[: steps.imagined], steps.down_noise)

    def losses(at):
        return by_hand_rows.critics_loss(at, found.given, steps, target, down)

    fit, pushed = losses(w)
    assert found.metrics['critics/loss'].item() == pytest.approx(fit, rel=1e-6)
    assert found.metrics['critics/conservative'].item() == pytest.approx(pushed, rel=1e-6)
    check_gradients(
        gradients(found.agent.critics, w['online']),
        lambda at: np.dot(losses(at), (1, c.latent.conservatism)),
        w,
        'online',
    )


@pytest.mark.parametrize('reading', ['lompo', 'combo'])
def test_the_actor_goes_down_equation_20_on_the_same_steps(reading):
    found = Updated(*READINGS[reading])
    w = {**found.before, 'online': found.after['online']}  # critics come first

    def loss(at):
        return by_hand_rows.soft_actor(at, found.given, found.steps, 0.3)

    assert found.metrics['actor/loss'].item() == pytest.approx(loss(w), rel=1e-6)
    check_gradients(gradients(found.agent.actor, w['actor']), loss, w, 'actor')


def test_imagined_rewards_lose_the_weighted_spread_and_true_ones_nothing():
    found = Updated('lompo', 'latent.alpha=0.7')
    w, given = found.before, found.given
    imagined = by_hand.imagine(w, given)
    plain = np.mean([by_hand.reward_of(w, given, feat) for feat in imagined.feat[1:]])
    penalised = np.mean([by_hand_rows.promised(w, given, imagined, t) for t in range(3)])
    assert found.metrics['imagined/reward'].item() == pytest.approx(plain, rel=1e-9)
    assert found.metrics['imagined/penalty'].item() == pytest.approx(plain - penalised, rel=1e-9)
    assert plain - penalised > 0.05
    true = set(found.given.data['reward'].flatten().tolist())
    assert set(found.steps.reward[found.steps.imagined :].tolist()) <= true
    assert len(found.steps.reward) == 9 and found.steps.imagined == 5  # round(0.4 * 9) are real


def test_combo_has_no_penalty():
    assert Updated('combo').metrics['imagined/penalty'].item() == 0


@pytest.mark.parametrize('target, rises', [(2.0, False), (0.0, True)])
def test_the_temperature_is_drawn_to_the_entropy_that_is_wanted(target, rises):
    """At first the entropy of two entries, each with deviation 0.2, lies between -4 and 0."""
    agent = by_hand_rows.learner(
        'lompo', f'latent.entropy_target={target}', 'actor_critic.actor.initial_std=0.2'
    )
    first = agent.temperature().item()
    entropy = agent.update(tiny.batch())['actor/entropy']
    assert -2.0 * 2 < entropy < 0
    assert (agent.temperature().item() > first) == rises


def test_a_temperature_without_a_rate_stays():
    agent = by_hand_rows.learner('combo', 'latent.temperature_rate=0', 'latent.temperature=0.25')
    agent.update(tiny.batch())
    assert agent.temperature().item() == pytest.approx(0.25)


def test_rollouts_of_earlier_updates_are_drawn_again_and_the_targets_follow():
    agent = by_hand_rows.learner('lompo', 'actor_critic.starts=2', 'latent.capacity=20')
    target = tiny.weights(agent.target_critics)
    for count in range(1, 4):
        agent.update(tiny.batch(count))
        assert len(agent.replay) == min(10 * count, 20)  # 2 rollouts of 5
    moved = tiny.weights(agent.target_critics)
    critics = tiny.weights(agent.critics)
    assert not tiny.same(target, moved) and not tiny.same(moved, critics)
    gone = [(moved[n] - target[n]).norm() / (critics[n] - target[n]).norm() for n in moved]
    assert max(gone) < 0.02, 'three moves of 0.005'


def test_the_latent_replay_is_part_of_a_checkpoint_bit_for_bit():
    one, other = (
        by_hand_rows.learner('combo', 'actor_critic.starts=2', 'latent.capacity=20')
        for _ in range(2)
    )
    for seed in range(3):  # once around
        one.update(tiny.batch(seed))
    other.load_state_dict(one.state_dict())
    for seed in range(3, 5):
        assert one.update(tiny.batch(seed)) == other.update(tiny.batch(seed))
    forgetful = by_hand_rows.learner('combo', 'actor_critic.starts=2', 'latent.capacity=20')
    state = one.state_dict()
    forgetful.load_state_dict({**state, 'replay': forgetful.replay.state_dict()})
    assert one.update(tiny.batch(9)) != forgetful.update(tiny.batch(9)), 'it matters'
    with pytest.raises(KeyError):
        other.load_state_dict({key: value for key, value in state.items() if key != 'replay'})


def test_a_batch_without_a_pair_of_rows_trains_on_imagined_steps_alone():
    agent = by_hand_rows.learner('combo', 'latent.batch=8')
    batch = tiny.batch()
    batch['is_first'][:] = True
    metrics = agent.update(batch)
    assert metrics['critics/conservative'] == 0 and metrics['update/skipped'] == 0
    assert all(torch.isfinite(torch.tensor(value)) for value in metrics.values())


def test_without_imagined_steps_there_is_no_latent_replay():
    with pytest.raises(ConfigError, match="horizon is 0; agent 'latent_replay'"):
        by_hand_rows.learner('lompo', 'actor_critic.horizon=0')
