"""The shipped recipes mirror the human data: what they move, and what they never move whole."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_core.spec import Setup
from moto_learning.data.attempts import simulator
from moto_learning.data.recipe import Recipe, load_recipe
from moto_learning.data.wanted import Demonstrations
from moto_sim import tasks
from moto_sim.episode import run_episode
from moto_sim.kitchen_objects import OBJECTS
from moto_sim.kitchen_task import SETS
from moto_sim.noise import NoisyPolicy

MIXED, PARTIAL = (set(SETS[name]) for name in ('mixed', 'partial'))


def groups(name):
    return [set(group.split('+')) for group in load_recipe(f'kitchen-{name}').groups]


@pytest.mark.parametrize('name', SETS)
def test_a_recipe_moves_24_sets_of_four_of_the_seven_objects(name):
    found = groups(name)
    assert len({frozenset(group) for group in found}) == len(found) == 24
    assert all(len(group) == 4 and group <= set(OBJECTS) for group in found)
    assert all(sum(one in group for group in found) >= 9 for one in OBJECTS)


@pytest.mark.parametrize('name', SETS)
def test_no_set_is_partials_whole_and_one_is_mixeds(name):
    found = groups(name)
    assert max(len(group & PARTIAL) for group in found) == 3
    assert sum(group == MIXED for group in found) == 1
    first_three = {'microwave', 'kettle', 'bottom_burner'}
    assert sum(first_three <= group for group in found) == 2  # success_parts of partial


def test_the_recipes_record_d4rls_robot_and_the_papers_camera_for_their_own_task():
    for name in SETS:
        recipe = load_recipe(f'kitchen-{name}')
        assert (recipe.task, recipe.actuation, recipe.view, recipe.profile) == (
            f'kitchen-{name}',
            'd4rl',
            'paper',
            '',
        )


ORDER = (
    *('microwave', 'kettle', 'top_burner', 'bottom_burner'),
    *('light_switch', 'hinge_cabinet', 'slide_cabinet'),
)  # that people kept to


def drawn(**given):
    """The recipe with orders that are drawn."""
    return replace(load_recipe('kitchen-mixed').demonstrations(**given), shuffled=True)


@pytest.mark.parametrize('name', SETS)
def test_episodes_take_the_groups_in_turn_in_the_order_that_people_kept_to(name):
    wanted = load_recipe(f'kitchen-{name}').demonstrations(episodes=48)
    orders = [wanted.sequence(index) for index in range(48)]
    assert [set(order) for order in orders] == groups(name) * 2
    assert all(order == tuple(sorted(order, key=ORDER.index)) for order in orders)


def test_orders_may_be_drawn_by_the_seed():
    wanted = drawn(episodes=48)
    orders = [wanted.sequence(index) for index in range(48)]
    assert [set(order) for order in orders] == groups('mixed') * 2
    assert set(orders[0]) == MIXED
    assert orders == [wanted.sequence(index) for index in range(48)]
    assert orders != [drawn(seed=1).sequence(index) for index in range(48)]
    firsts = Counter(order[0] for order in orders)
    assert set(firsts) == set(OBJECTS)
    assert sum(a != b for a, b in zip(orders[:24], orders[24:])) > 15


def test_each_attempt_draws_its_order_anew():
    wanted = drawn()
    tried = [wanted.sequence(35, attempt) for attempt in range(20)]
    assert {frozenset(order) for order in tried} == {frozenset(tried[0])}
    assert tried[0] == wanted.sequence(35)
    assert len(set(tried)) > 10


def test_without_a_shuffle_the_order_is_the_one_written():
    wanted = Recipe(task='kitchen-mixed', groups=['kettle+microwave', 'top_burner'])
    assert wanted.demonstrations().sequence(2) == ('kettle', 'microwave')
    assert wanted.demonstrations().sequence(3) == ('top_burner',)
    assert Demonstrations(task='kitchen-mixed').sequence(5) == ()


def test_a_choice_goes_over_the_recipe_and_nothing_chosen_leaves_it():
    recipe = load_recipe('kitchen-mixed')
    chosen = recipe.demonstrations(noise=0.0, view='near', profile='', after_success=None)
    assert (chosen.noise, chosen.view, chosen.actuation) == (0.0, 'near', 'd4rl')


def test_proprioception_is_recorded_if_a_recipe_or_a_choice_names_it():
    recipe = Recipe(task='metaworld-door-open', proprioception=['position'])
    assert recipe.demonstrations().proprioception == ('position',)
    assert recipe.demonstrations(proprioception=()).proprioception == ()
    assert Recipe(task='metaworld-door-open').demonstrations().proprioception is None
    assert simulator(recipe.demonstrations()).spec.proprioception == ['position']
    nothing = Recipe(task='kitchen-mixed', proprioception=['none'])
    assert nothing.demonstrations().proprioception == ()
    assert nothing.demonstrations(proprioception=('velocity',)).proprioception == ('velocity',)


@pytest.mark.parametrize('said', [['none', 'position'], ['none', 'none'], ['velocity'] * 2])
def test_proprioception_is_named_once_and_none_stands_alone(said):
    with pytest.raises(ConfigError, match=r"proprioception is \['.*'\]; expected"):
        Recipe(task='kitchen-mixed', proprioception=said)


def test_the_hash_tells_other_contents_apart_and_not_how_many():
    recipe = load_recipe('kitchen-mixed')
    assert recipe.demonstrations().hash == recipe.demonstrations(episodes=7, workers=2).hash
    for change in ({'seed': 1}, {'noise': 0.1}, {'view': 'near'}, {'size': 32}):
        assert recipe.demonstrations(**change).hash != recipe.demonstrations().hash


def test_episodes_of_a_recipe_are_known_by_their_number_even_if_the_task_says_what_moves():
    plain = Recipe(task='kitchen-mixed')
    assert plain.demonstrations(by_recipe=True).numbered
    assert not plain.demonstrations(by_recipe=False).numbered
    assert load_recipe('kitchen-mixed').demonstrations().numbered


def test_an_unknown_recipe_key_or_value_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'kitchen-partial'"):
        load_recipe('kitchen-parshal')
    path = tmp_path / 'own.yaml'
    path.write_text('task: kitchen-mixed\nshufled: true\n')
    with pytest.raises(ConfigError, match="Did you mean 'shuffled'"):
        load_recipe(str(path))
    path.write_text('task: kitchen-mixed\nnoise: 2\n')
    with pytest.raises(ConfigError, match='noise is 2'):
        load_recipe(str(path))


def runs(count, **setup):
    """How many of `count` groups of the recipe in random orders come into place in time."""
    env = tasks.make('kitchen-mixed', Setup(**{'robot': 'kitchen_sim', **setup}), size=8)
    env.task.sim.render = lambda view, height, width: np.zeros((height, width, 3), np.uint8)
    wanted = load_recipe('kitchen-mixed').demonstrations()
    good = 0
    for index in range(count):
        policy = NoisyPolicy(
            tasks.demonstrator(env, wanted.sequence(index)), 0.05, np.random.default_rng(index)
        )
        goal = env.task.goal(wanted.sequence(index))
        run_episode(env, policy, index, after_success=0, goal=goal)
        good += goal()
    return good


@pytest.mark.slow
def test_the_groups_of_the_recipe_come_into_place_in_random_orders():
    assert runs(48, actuation='d4rl') >= 40
