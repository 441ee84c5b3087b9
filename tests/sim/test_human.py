"""Human demonstrations: what is read of a file, what a tracker does with it."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_sim import tasks
from moto_sim.episode import run_episode
from moto_sim.human import HumanDemonstration, Tracker, read_human
from moto_sim.kitchen_model import HOME
from moto_sim.noise import NoisyPolicy
from moto_sim.setups import choose_setup

FILE = Path('shared', 'data', 'kitchen_complete_demos.npz')
DEMOS = next((p / FILE for p in Path(__file__).parents if (p / FILE).is_file()), FILE)
there = pytest.mark.skipif(not DEMOS.is_file(), reason=f'no human demonstrations at {DEMOS}')


def states(*changes):
    """The start's qpos, a row for each dict of changed entries, which stay changed."""
    rows, qpos = [], HOME.copy()
    for change in changes:
        for entry, value in change.items():
            qpos[entry] = value
        rows.append(qpos.copy())
    return np.array(rows)


def write(path, **changes):
    arrays = {
        'actions': np.zeros((3, 9), np.float32),
        'qpos': states({}, {}, {}),
        'episode_ends': np.array([1, 3]),
    }
    np.savez(path, **{**arrays, **changes})
    return path


def test_a_file_is_cut_where_its_episodes_end(tmp_path):
    actions = np.arange(27, dtype=np.float32).reshape(3, 9)
    first, second = read_human(write(tmp_path / 'x.npz', actions=actions))
    assert first.actions.tolist() == actions[:1].tolist()
    assert second.actions.tolist() == actions[1:].tolist()
    assert [len(first.qpos), len(second.qpos)] == [1, 2]


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'episode_ends': np.array([1.0, 3.0])}, 'episode_ends holds 2 float64'),
        ({'episode_ends': np.array([], int)}, 'episode_ends holds 0 int64'),
        ({'actions': np.full((3, 9), 'x')}, 'actions holds 27 <U1'),
        ({'actions': np.zeros((3, 7))}, r'actions is \(3, 7\); expected \(3, 9\)'),
        ({'qpos': np.zeros((2, 30))}, r'qpos is \(2, 30\); expected \(3, 30\)'),
        ({'actions': np.full((3, 9), np.nan)}, 'finite'),
        ({'episode_ends': np.array([3, 3])}, 'do not rise'),
        ({'actions': np.array([{}], object)}, 'allow_pickle=False'),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message) as error:
        read_human(write(tmp_path / 'x.npz', **changes))
    assert len(str(error.value).splitlines()) == 1


def test_a_missing_file_and_one_without_actions_say_what_is_expected(tmp_path):
    np.savez(tmp_path / 'x.npz', qpos=HOME)
    for name in ('x.npz', 'none.npz'):
        with pytest.raises(ConfigError, match='expected an .npz with actions, qpos and episode_'):
            read_human(tmp_path / name)


def test_what_was_moved_is_in_place_at_the_end_in_the_order_in_which_it_came_there():
    qpos = states(
        {},
        {22: -0.75, 19: 0.37},  # microwave and slide cabinet come
        {19: 0.0},  # the slide cabinet goes again
        {20: 0.0, 21: 1.45},  # hinge cabinet
        {19: 0.37},
    )
    person = HumanDemonstration(np.zeros((5, 9)), qpos)
    assert person.moved == ('microwave', 'hinge_cabinet', 'slide_cabinet')


def test_a_tracker_adds_the_velocity_that_makes_up_the_distance_in_a_period():
    env = tasks.make('kitchen-kettle', choose_setup('kitchen-kettle', actuation='d4rl'), size=8)
    env.reset(seed=0)
    here = env.task.sim.position
    qpos = states({}, {})
    qpos[0, :9] = here + 0.016  # [rad], the fingers' too: 0.016 / (2 rad/s * 0.08 s) = 0.1
    qpos[1, :9] = here - 0.8
    actions = np.stack((np.full(9, 0.3), np.full(9, 0.2))).astype(np.float32)
    tracker = Tracker(env.task, HumanDemonstration(actions, qpos))
    state, chosen = tracker.initial(), []
    for _ in range(3):
        step = tracker.step({}, None, state)
        state = step.state
        chosen.append(step.action)
    assert chosen[0] == pytest.approx([0.4] * 7 + [0.3, 0.3])
    assert chosen[1] == pytest.approx([-1.0] * 7 + [0.2, 0.2])
    assert chosen[2] == pytest.approx(chosen[1])  # the last row's, from then on
    assert chosen[0].dtype == np.float32 and step.disagreement == 0.0


def test_a_robot_without_fingers_and_metaworld_follow_nobody():
    person = HumanDemonstration(np.zeros((1, 9)), states({}))
    env = tasks.make('kitchen-kettle', choose_setup('kitchen-kettle', robot='fr3'), size=8)
    with pytest.raises(ConfigError, match="'fr3' takes 7 numbers"):
        tasks.tracker(env, person)
    with pytest.raises(ConfigError, match='only the Kitchen has'):
        tasks.tracker(SimpleNamespace(task=SimpleNamespace(name='metaworld-hammer')), person)


def tracked(count, noise):
    """Which of the first human demonstrations a tracker repeats from varied starts."""
    setup = choose_setup('kitchen-mixed', actuation='d4rl')
    env = tasks.make('kitchen-mixed', setup, size=8)
    env.task.sim.render = lambda view, height, width: np.zeros((height, width, 3), np.uint8)
    done = []
    for index, person in enumerate(read_human(DEMOS)[:count]):
        policy = NoisyPolicy(tasks.tracker(env, person), noise, np.random.default_rng(index))
        run_episode(env, policy, index, max_steps=len(person.actions))
        done.append(env.task.success())
    return done


@there
def test_every_person_put_the_four_objects_of_mixed_into_place():
    people = read_human(DEMOS)
    assert len(people) == 19 and sum(len(person.actions) for person in people) == 4209
    mixed = {'microwave', 'kettle', 'light_switch', 'slide_cabinet'}
    assert all(set(person.moved) == mixed for person in people)


@there
def test_a_tracker_repeats_what_a_person_did():
    assert sum(tracked(3, 0.02)) >= 2


@there
@pytest.mark.slow
def test_trackers_repeat_most_demonstrations_under_noise():
    assert sum(tracked(19, 0.05)) >= 13


def test_a_single_array_is_no_file_of_demonstrations(tmp_path):
    np.save(tmp_path / 'x.npy', np.zeros((3, 9)))
    (tmp_path / 'x.npy').rename(tmp_path / 'x.npz')
    with pytest.raises(ConfigError, match=r"x.npz': it is a single array; expected an .npz with"):
        read_human(tmp_path / 'x.npz')
