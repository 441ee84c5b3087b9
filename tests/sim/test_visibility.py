"""How many pixels show an object, by view."""

import numpy as np
import pytest

from moto_sim.kitchen import KitchenSim
from moto_sim.kitchen_objects import OBJECTS
from moto_sim.visibility import changed_pixels


@pytest.fixture(scope='module')
def sim():
    return KitchenSim()


def test_pixels_are_counted_where_a_colour_changes_by_more_than_20(sim, monkeypatch):
    shown = []

    def render(view, height, width):
        image = np.full((height, width, 3), 100, np.uint8)
        if sim.data.qpos[22] < -0.5:  # the microwave is open
            image[0, 0, 1], image[0, 1, 2], image[0, 2, 0] = 121, 79, 120
        shown.append((view, height, width, sim.data.qpos[0]))
        return image

    monkeypatch.setattr(sim, 'render', render)
    assert changed_pixels(sim, 'front', 'microwave', 8) == 2
    assert changed_pixels(sim, 'front', 'kettle', 8, pose=[0.5] + [0.0] * 6) == 0
    assert shown[0][:3] == ('front', 8, 8) and shown[2][3] == 0.5


def test_the_near_view_shows_every_object_and_the_small_ones_better_than_the_papers(sim):
    near, paper, front = (
        {name: changed_pixels(sim, view, name) for name in OBJECTS}
        for view in ('near', 'paper', 'front')
    )
    assert min(near.values()) >= 20, near
    for name in ('bottom_burner', 'top_burner', 'light_switch'):
        assert near[name] > 1.5 * max(paper[name], front[name]), (name, near, paper, front)
