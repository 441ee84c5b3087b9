"""Images with what is at rest kept are those that are drawn whole, to the pixel."""

import mujoco
import numpy as np
import pytest

from moto_sim import layer, tasks
from moto_sim.drawn_geoms import drawn, looks
from moto_sim.renderer import Renderer
from moto_sim.views import View

ROOM = """<mujoco>
 <visual><headlight ambient=".3 .3 .3"/></visual>
 <asset><texture name="sky" type="skybox" builtin="gradient" rgb1=".2 .4 .6" rgb2="1 1 1"
   width="32" height="32"/><material name="dull" reflectance="{shine}"/></asset>
 <worldbody>
  <light name="lamp" pos="0 -1 2" dir="0 .5 -1"/>
  <geom name="floor" type="plane" size="2 2 .1" rgba=".5 .5 .3 1" material="dull"/>
  <geom name="pillar" type="cylinder" size=".1 .3" pos="0 0 .3" rgba=".2 .7 .2 1"/>
  <geom name="pane" type="box" size=".3 .01 .2" pos="0 -.4 .25" rgba=".9 .2 .2 .4"/>
  <body name="ball" mocap="true" pos=".5 .4 .2"><geom name="ball" type="sphere" size=".12"
   rgba=".9 .9 .1 1"/></body>
  <body name="box" mocap="true" pos="-.5 .2 .2"><geom name="box" type="box" size=".1 .1 .2"
   rgba=".2 .2 .9 1" material="dull"/></body>
 </worldbody></mujoco>"""
VIEW = View(distance=1.8, azimuth=90.0, elevation=-20.0, lookat=(0.0, 0.0, 0.2))


class Room:
    """A room drawn twice: with what is at rest kept, and whole."""

    def __init__(self, shine=0.0, text=ROOM):
        self.model = mujoco.MjModel.from_xml_string(text.format(shine=shine))
        self.data = mujoco.MjData(self.model)
        self.kept, self.whole = Renderer(self.model), Renderer(self.model, layers=False)

    def image(self, view=VIEW):
        mujoco.mj_forward(self.model, self.data)
        pair = [one.image(self.data, view, 48, 64) for one in (self.kept, self.whole)]
        assert np.array_equal(*pair)
        return pair[0]

    def settle(self, count=20):
        for _ in range(count):
            image = self.image()
        return image

    @property
    def layer(self):
        return self.kept._layers[VIEW, 96, 128]

    def close(self):
        self.kept.close()
        self.whole.close()


@pytest.fixture
def room():
    room = Room()
    yield room
    room.close()


def test_what_is_at_rest_is_kept_and_what_is_transparent_never(room):
    room.settle()
    names = {room.model.geom(index).name for index in np.flatnonzero(room.layer.held)}
    assert names == {'floor', 'pillar', 'ball', 'box'}


def test_a_thing_passes_before_and_behind_what_is_kept_and_behind_glass(room):
    room.settle()
    seen = set()
    for x in np.linspace(-0.5, 0.5, 9):
        for y in (-0.7, -0.2, 0.0, 0.4):  # before the pane, behind it, in the pillar, behind all
            room.data.mocap_pos[0] = x, y, 0.25
            seen.add(room.image().tobytes())
    assert len(seen) == 36 and room.kept._keeps
    assert not room.layer.held[room.model.geom('ball').id]
    assert room.layer.held[room.model.geom('pillar').id]


def test_a_static_thing_that_a_reset_moves_is_seen_where_it_is(room):
    before = room.settle()
    room.model.geom('pillar').pos[0] = 0.4
    assert not np.array_equal(room.image(), before)


@pytest.mark.parametrize('change', ['colour', 'light', 'view', 'size'])
def test_what_a_look_depends_on_is_noticed(room, change):
    before = room.settle()
    if change == 'colour':
        room.model.geom('pillar').rgba[:] = 1.0, 0.0, 1.0, 1.0
    elif change == 'light':
        room.model.light('lamp').dir[:] = 0.5, 0.2, -1.0
    elif change == 'size':
        room.model.geom('pillar').size[0] = 0.2
    view = VIEW._replace(azimuth=120.0) if change == 'view' else VIEW
    assert not np.array_equal(room.image(view), before)


def test_the_drawing_of_what_is_kept_pays_before_it_is_done(room, monkeypatch):
    kept = []
    keep = layer.Layer.keep
    monkeypatch.setattr(layer.Layer, 'keep', lambda self: (kept.append(1), keep(self)))
    room.settle(2 + layer.WORTH // 4)  # of five geoms one is transparent
    assert len(kept) == 1
    for step in range(10):  # one that starts and stops is left out once
        room.data.mocap_pos[0, 0] += 0.01 * (step % 3 == 0)
        room.image()
    assert len(kept) == 2


def test_a_thing_that_reflects_is_not_added_to_what_is_kept():
    room = Room(shine=0.5)
    room.settle()
    for x in (-0.4, -0.3):  # the floor is the one that MuJoCo takes to reflect, and is kept
        room.data.mocap_pos[1, 0] = x
        room.image()
    room.model.geom('floor').rgba[3] = 0.5  # now it is the box, and moves
    for x in np.linspace(-0.2, 0.2, 20):
        room.data.mocap_pos[1, 0] = x
        room.image()
    assert room.layer.held[room.model.geom('pillar').id] and room.kept._keeps
    room.close()


def test_a_horizon_that_moves_has_the_image_drawn_whole():
    room = Room(text=ROOM.replace('size="2 2 .1"', 'size="0 0 .1" pos="0 0 -.01"'))
    flat = View(distance=1.8, azimuth=90.0, elevation=-2.0, lookat=(0.0, 0.0, 0.2))
    for step in range(30):
        room.model.geom('floor').pos[2] = -0.01 * step - 0.01
        room.image(flat)
    held = room.kept._layers[flat, 96, 128].held
    assert held.any() and not held[room.model.geom('floor').id]
    assert room.kept._keeps  # the comparison of the first image did not have to find out
    room.close()


def test_a_floor_seen_from_below_is_drawn_as_transparent(room):
    below = View(distance=1.8, azimuth=90.0, elevation=15.0, lookat=(0.0, 0.0, 0.2))
    for step in range(80):
        room.data.mocap_pos[0, 0] = 0.005 * step
        room.image(below)
    held = room.kept._layers[below, 96, 128].held
    assert not held[room.model.geom('floor').id] and held[room.model.geom('pillar').id]


def test_a_driver_that_does_not_bring_back_what_is_kept_is_found_out(room, monkeypatch):
    monkeypatch.setattr(layer._Store, 'read_from', lambda self: None)
    room.settle()
    assert not room.kept._keeps


def test_an_image_after_close_is_the_same(room):
    before = room.settle()
    room.kept.close()
    assert np.array_equal(room.image(), before)


@pytest.mark.parametrize(
    'task', ['metaworld-door-open', 'metaworld-assembly', 'metaworld-coffee-push', 'kitchen-mixed']
)
def test_the_images_of_an_episode_are_those_drawn_whole(task):
    env = tasks.make(task)
    sim = env.task.sim if task.startswith('kitchen') else env.task
    ours = sim._renderer
    view = sim.views['front'] if task.startswith('kitchen') else sim._views['front']
    whole = Renderer(ours.model, layers=False)
    rng, expert = np.random.default_rng(2), tasks.demonstrator(env)
    for seed in range(2):
        observation, _ = env.reset(seed=seed)
        state = expert.initial()
        for _ in range(12):
            chosen = expert.step({}, None, state)
            action = np.clip(chosen.action + rng.normal(0, 0.2, chosen.action.shape), -1, 1)
            observation, state = env.step(action)[0], chosen.state
            data = sim.data if task.startswith('kitchen') else sim.env.data
            assert np.array_equal(observation['front'], whole.image(data, view, 64, 64))
    assert ours._keeps
    assert next(iter(ours._layers.values())).held.sum() > 5
    whole.close()
    env.close()


def test_a_camera_on_the_hand_sees_everything_drawn_each_time():
    env = tasks.make('kitchen-microwave')
    env.task.sim.render('wrist')
    assert not any(
        view == env.task.sim.views['wrist'] for view, *_ in env.task.sim._renderer._layers
    )
    env.close()


def test_the_scenes_memory_is_what_its_attributes_say(room):
    room.image()
    scene = room.kept._scene
    mujoco.mjv_updateScene(
        room.model, room.data, mujoco.MjvOption(), None, mujoco.MjvCamera(), 7, scene
    )
    geoms = drawn(scene).geoms[: scene.ngeom]
    for row, geom in zip(geoms, scene.geoms, strict=False):
        for name in ('type', 'objid', 'matid', 'segid', 'specular', 'reflectance'):
            assert row[name] == pytest.approx(getattr(geom, name))
        for name in ('size', 'pos', 'mat', 'rgba'):
            assert np.array_equal(row[name], getattr(geom, name))
    assert looks(geoms).shape == (5, 31)
