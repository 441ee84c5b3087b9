import mujoco
import numpy as np
import pytest

from moto_core.errors import ConfigError
from moto_sim import renderer
from moto_sim.kitchen import VIEWS, KitchenSim
from moto_sim.metaworld_task import VIEWS as VIEWS_OF_METAWORLD
from moto_sim.metaworld_task import MetaWorldTask
from moto_sim.renderer import Renderer
from moto_sim.views import View


@pytest.fixture(scope='module')
def sim():
    return KitchenSim()


@pytest.mark.parametrize('view', VIEWS)
@pytest.mark.parametrize('size', [(64, 64), (240, 320)])
def test_leaving_out_what_a_view_never_sees_changes_no_pixel(sim, view, size):
    sim.reset(np.random.default_rng(1))
    sim.data.qpos[[19, 21, 22]] = 0.4, 1.2, -1.0  # doors open: what they show counts too
    mujoco.mj_forward(sim.model, sim.data)
    culled = sim.render(view, *size)
    assert sum(hidden.sum() for hidden in sim._renderer._hidden.values()) > 0
    everything = Renderer(sim.model, layers=False)
    whole = everything.image(sim.data, sim.views[view], *size)
    everything.close()
    assert np.array_equal(culled, whole)
    assert np.array_equal(sim.model.geom_group, sim._renderer._groups)


@pytest.mark.parametrize('name', ['coffee-push', 'assembly', 'door-open'])
def test_leaving_out_what_lies_outside_a_view_changes_no_pixel(name, monkeypatch):
    views = {'front': VIEWS_OF_METAWORLD['paper']}
    task = MetaWorldTask(f'metaworld-{name}', views=views)
    found, rng = [], np.random.default_rng(3)
    outside = renderer.outside

    def counted(*args):
        found.append(outside(*args))
        return found[-1]

    for _ in range(3):
        task.reset(rng)
        for size in ((64, 64), (96, 48), (48, 120)):
            task.step(rng.uniform(-1, 1, 4))
            monkeypatch.setattr(renderer, 'outside', counted)
            shown = task.render('front', *size)
            monkeypatch.setattr(renderer, 'outside', lambda *_: np.zeros(found[0].shape, bool))
            assert np.array_equal(shown, task.render('front', *size))
    assert np.sum(found) > 60  # several geoms of every image
    assert np.array_equal(task.env.model.geom_group, task._renderer._groups)
    task.close()


def test_an_image_is_upright_new_and_of_the_asked_size(sim):
    sim.reset()
    image = sim.render('front', 48, 96)
    assert image.shape == (48, 96, 3) and image.dtype == np.uint8 and image.flags['C_CONTIGUOUS']
    again = sim.render('front', 48, 96)
    assert np.array_equal(image, again) and not np.shares_memory(image, again)
    square = sim.render('front', 64, 64).astype(float).mean(2)
    assert square[20:26, :8].mean() > square[40:46, :8].mean() + 50  # counter above microwave


def test_the_image_shows_the_arm_and_the_door(sim):
    sim.reset()
    before = sim.render().astype(int)
    sim.data.qpos[22] = -1.0
    mujoco.mj_forward(sim.model, sim.data)
    door = sim.render().astype(int)
    sim.data.qpos[0] -= 0.5
    mujoco.mj_forward(sim.model, sim.data)
    arm = sim.render().astype(int)
    assert (np.abs(door - before).max(2) > 20).sum() > 50
    assert (np.abs(arm - door).max(2) > 20).sum() > 50


def test_the_full_look_is_darker_by_its_shadows_and_shows_the_same_scene(sim):
    sim.reset()
    full = KitchenSim(fast=False).render().astype(int)
    fast = sim.render().astype(int)
    assert full.mean() < fast.mean()
    edges = [np.abs(np.diff(image.mean(2))).ravel() for image in (full, fast)]
    assert np.corrcoef(*edges)[0, 1] > 0.5


def test_a_thing_that_moves_by_half_a_pixel_moves_by_it_in_the_image():
    pixel = 2 * np.tan(np.radians(45 / 2)) / 64  # [m] at the box's face
    model = mujoco.MjModel.from_xml_string(
        f"""<mujoco><visual><global fovy="45"/><headlight ambient="1 1 1"/></visual>
        <worldbody><body mocap="true"><geom type="box" size="{8 * pixel} .1 .01"/></body>
        </worldbody></mujoco>"""
    )
    data, view = mujoco.MjData(model), View(1.0, 90.0, -90.0, (0.0, 0.0, 0.0))
    drawer, columns = Renderer(model), []
    for step in range(4):
        data.mocap_pos[0] = [(step / 2 + 0.2) * pixel, 0, -0.01]
        mujoco.mj_forward(model, data)
        light = drawer.image(data, view, 64, 64).mean(2)
        columns.append((light.sum(0) @ np.arange(64)) / light.sum())
    assert np.diff(columns) == pytest.approx([0.5] * 3, abs=0.1)


def test_two_simulators_draw_side_by_side_and_one_draws_again_after_close(sim):
    sim.reset()
    wanted = sim.render()
    other = KitchenSim()
    other.reset(np.random.default_rng(5))
    assert not np.array_equal(other.render(), wanted)
    assert np.array_equal(sim.render(), wanted)
    other.close()
    other.close()
    assert np.array_equal(sim.render(), wanted)
    other.reset()
    assert np.array_equal(other.render(), wanted)


@pytest.mark.parametrize('size', [(0, 64), (513, 64), (64, 641)])
def test_a_size_outside_the_renderers_is_refused(sim, size):
    with pytest.raises(ConfigError, match='1 x 1 to 512 x 640'):
        sim.render('front', *size)


def test_no_opengl_says_what_to_install(sim, monkeypatch):
    def missing(name):
        raise ImportError(f'no {name}')

    monkeypatch.setattr(renderer, '_backend', missing)
    monkeypatch.delenv('MUJOCO_GL', raising=False)
    with pytest.raises(ConfigError, match='egl: no egl; osmesa: no osmesa.*install libosmesa6'):
        Renderer(sim.model).image(sim.data, VIEWS['front'], 8, 8)
    monkeypatch.setenv('MUJOCO_GL', 'osmesaa')
    with pytest.raises(ConfigError, match="Did you mean 'osmesa'"):
        Renderer(sim.model).image(sim.data, VIEWS['front'], 8, 8)
