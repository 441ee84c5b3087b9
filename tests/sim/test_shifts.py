"""What a shifted camera shows, by views, lamps and pixels worked by hand."""

import numpy as np
import pytest

from moto_core.spec import Setup
from moto_sim.shifted_env import shifted_env
from moto_sim.shifts import LATER, SHIFTS, Shift, elsewhere, picture
from moto_sim.views import Mount, View

AHEAD = View(distance=2.0, azimuth=0.0, elevation=0.0, lookat=(2.0, 0.0, 1.0))  # from (0, 0, 1)


def test_a_camera_moves_to_its_right_and_looks_the_same_way():
    moved = elsewhere(AHEAD, Shift(moved=0.05))
    assert moved.lookat == pytest.approx((2.0, -0.05, 1.0))  # it looks along x: y is its left
    assert moved[:3] == AHEAD[:3]


def test_a_camera_turns_about_itself():
    turned = elsewhere(AHEAD, Shift(turned=90.0))
    assert turned.azimuth == 90.0
    assert turned.lookat == pytest.approx((0.0, 2.0, 1.0))  # from (0, 0, 1), now along y


def test_a_camera_that_looks_down_stays_where_it_is_as_it_turns():
    down = View(distance=2.0, azimuth=0.0, elevation=-60.0, lookat=(1.0, 0.0, 0.0))
    turned = elsewhere(down, Shift(turned=180.0))  # it stands at (0, 0, sqrt 3)
    assert turned.lookat == pytest.approx((-1.0, 0.0, 0.0), abs=1e-9)


def test_a_camera_that_a_body_carries_stays_as_it_is():
    assert elsewhere(Mount('wrist'), Shift(moved=1.0, turned=9.0)) == Mount('wrist')


def test_an_unseen_object_is_a_square_in_the_middle():
    image = np.zeros((10, 10, 3), np.uint8)
    seen = picture(Shift(patch=0.4), image, 0, None)
    assert seen.any(-1).sum() == 16 and seen[3:7, 3:7].any(-1).all()
    assert not image.any()


def test_another_episodes_picture_comes_later():
    image, other = np.zeros((2, 2, 3), np.uint8), np.ones((2, 2, 3), np.uint8)
    shift = SHIFTS["another episode's picture"]
    assert picture(shift, image, LATER - 1, other) is image
    assert picture(shift, image, LATER, other) is other
    assert picture(shift, image, LATER, None) is image


def test_a_lens_and_the_lamps_of_a_task_are_changed_and_no_others():
    plain = shifted_env('kitchen-microwave', Setup(robot='kitchen_sim'), Shift(), size=8)
    dim = shifted_env('kitchen-microwave', Setup(robot='kitchen_sim'), Shift(lamp=0.75), size=8)
    near = shifted_env('kitchen-microwave', Setup(robot='kitchen_sim'), Shift(zoom=1.25), size=8)
    model, dimmed, zoomed = (env.task.sim.model for env in (plain, dim, near))
    np.testing.assert_allclose(dimmed.light_diffuse, 0.75 * model.light_diffuse)
    np.testing.assert_allclose(
        dimmed.vis.headlight.diffuse, 0.75 * np.array(model.vis.headlight.diffuse)
    )
    assert model.light_diffuse.any() or np.any(model.vis.headlight.diffuse)
    assert zoomed.vis.global_.fovy == pytest.approx(model.vis.global_.fovy / 1.25)
    np.testing.assert_allclose(zoomed.light_diffuse, model.light_diffuse)
