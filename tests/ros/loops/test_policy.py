import numpy as np
import pytest

from moto_core.errors import BundleError, ConfigError
from moto_core.observation import GateLimits
from moto_core.policy.policy import PolicyStep, ZeroPolicy
from moto_core.policy.surprise import SurpriseLimits
from moto_core.spec import CameraSpec, Spec
from moto_ros.chaos.tiny_bundle import SPEC as BUNDLE_SPEC
from moto_ros.chaos.tiny_bundle import write_tiny_bundle
from moto_ros.config import PolicyParams
from moto_ros.loops.policy import PolicyLoop, PolicySlot, requested_at

MS = 1_000_000
SMALL = CameraSpec(height=2, width=2)
SPEC = Spec(
    joints=['a', 'b'], action_scale=[2.0, 2.0], rate=12.5, cameras={'front': SMALL, 'wrist': SMALL}
)
ONE = Spec(
    joints=['a', 'b'],
    action_scale=[2.0, 2.0],
    rate=12.5,
    cameras={'front': CameraSpec(height=2, width=2)},
    proprioception=['position'],
)


class Counting:
    """A policy whose action says how many steps its state has seen."""

    hash = 'counting'

    def __init__(self, spec):
        self.spec = spec

    def initial(self):
        return {'n': np.zeros(1)}

    def step(self, images, proprioception, state):
        return PolicyStep(np.full(2, state['n'][0], np.float32), 0.5, {'n': state['n'] + 1})


def image(value):
    return np.full((2, 2, 3), value % 256, np.uint8)


def run(loop, interval, count, delay=5):
    """Feeds `count` frames `interval` ms apart, each `delay` ms late; the times of steps in ms."""
    times = []
    for i in range(count):
        stamp = round(i * interval * MS)
        now = stamp + delay * MS
        loop.joints(np.zeros(2), np.zeros(2), now)
        for camera in loop.spec.cameras:
            loop.frame(camera, image(i), stamp, now)
        if loop.step(now, now * 1e-9):
            times.append(round(i * interval))
    return times


def test_every_frame_of_a_camera_at_the_policys_rate_makes_a_step():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    assert run(loop, 80, 10) == [80 * i for i in range(10)]
    assert loop.missed == 0


def test_a_camera_at_thirty_hertz_gives_the_policys_rate_on_average():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    times = run(loop, 1000 / 30, 301)
    assert len(times) == pytest.approx(125, abs=2)
    assert set(np.diff(times)) <= {66, 67, 100}


def test_frames_a_little_early_do_not_lose_a_step():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    early = [0, 74, 166, 236, 327, 393, 485, 553]
    made = []
    for stamp in early:
        loop.joints(np.zeros(2), np.zeros(2), stamp * MS)
        loop.frame('front', image(stamp), stamp * MS, stamp * MS)
        made += [stamp] if loop.step(stamp * MS, stamp * 1e-3) else []
    assert made == early


def test_a_step_waits_for_new_frames_of_every_camera():
    loop = PolicyLoop(ZeroPolicy(SPEC), GateLimits())
    loop.joints(np.zeros(2), np.zeros(2), 0)
    loop.frame('front', image(0), 0, 0)
    assert loop.step(0, 0.0) is None
    loop.frame('wrist', image(0), 10 * MS, 10 * MS)
    observation, decision, _ = loop.step(12 * MS, 0.012)
    assert decision.stamp == observation.stamp == 0
    assert sorted(observation.images) == ['front', 'wrist']
    loop.frame('front', image(1), 80 * MS, 81 * MS)
    assert loop.step(81 * MS, 0.081) is None


def test_skewed_cameras_make_no_step():
    loop = PolicyLoop(ZeroPolicy(SPEC), GateLimits())
    loop.joints(np.zeros(2), np.zeros(2), 60 * MS)
    loop.frame('front', image(0), 0, 60 * MS)
    loop.frame('wrist', image(0), 60 * MS, 60 * MS)
    assert loop.step(60 * MS, 0.06) is None
    assert loop.reasons == ('cameras:skew',)


def test_a_stale_frame_makes_no_step_and_says_so():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    assert run(loop, 80, 3, delay=150) == []
    assert loop.reasons == ('front:stale',)
    assert loop.refused == 3


def test_joints_that_never_came_make_no_step():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    loop.frame('front', image(0), 0, 0)
    assert loop.step(0, 0.0) is None
    assert loop.reasons == ('joint_states:missing',)


def test_a_repeated_stamp_is_not_a_new_frame():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    assert run(loop, 80, 1) == [0]
    loop.frame('front', image(0), 0, 80 * MS)
    assert loop.step(80 * MS, 0.08) is None


def test_the_same_pixels_while_the_arm_moves_are_a_frozen_camera():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    made = []
    for i in range(5):
        now = 80 * i * MS
        loop.joints(np.array([0.04 * i, 0.0]), np.zeros(2), now)
        loop.frame('front', image(0), now, now)
        made.append(loop.step(now, now * 1e-9) is not None)
    assert made == [True, True, False, False, False]
    assert loop.reasons == ('front:frozen',)


def test_the_same_pixels_while_the_arm_rests_are_no_fault():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    for i in range(5):
        now = 80 * i * MS
        loop.joints(np.zeros(2), np.zeros(2), now)
        loop.frame('front', image(0), now, now)
        assert loop.step(now, now * 1e-9)


def test_a_gap_of_three_periods_counts_two_missed():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    run(loop, 80, 1)
    loop.joints(np.zeros(2), np.zeros(2), 245 * MS)
    loop.frame('front', image(9), 240 * MS, 245 * MS)
    assert loop.step(245 * MS, 0.245)
    assert loop.missed == 2


def test_silence_is_counted_as_it_lasts():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    run(loop, 80, 1)
    for tenth in range(1, 11):
        loop.count_missed(tenth * 0.1)
    assert loop.missed == pytest.approx(1.0 / 0.08, abs=3)


def test_an_episodes_start_forgets_the_policys_state():
    loop = PolicyLoop(Counting(ONE), GateLimits())
    run(loop, 80, 3)
    loop.start_episode('E')
    loop.joints(np.zeros(2), np.zeros(2), 245 * MS)
    loop.frame('front', image(9), 240 * MS, 245 * MS)
    decision = loop.step(245 * MS, 0.245).decision
    assert (decision.episode, decision.number, decision.action[0]) == ('E', 0, 0.0)
    loop.frame('front', image(10), 320 * MS, 325 * MS)
    loop.joints(np.zeros(2), np.zeros(2), 325 * MS)
    decision = loop.step(325 * MS, 0.325).decision
    assert (decision.episode, decision.number, decision.action[0]) == ('E', 1, 1.0)


def test_what_was_seen_is_forgotten_but_the_episode_goes_on():
    loop = PolicyLoop(Counting(ONE), GateLimits())
    loop.start_episode('E')
    run(loop, 80, 3)
    loop.forget()
    assert loop.step(245 * MS, 0.245) is None
    loop.joints(np.zeros(2), np.zeros(2), 325 * MS)
    loop.frame('front', image(9), 320 * MS, 325 * MS)
    decision = loop.step(325 * MS, 0.325).decision
    assert (decision.episode, decision.number) == ('E', 0)


def test_a_clock_that_jumps_back_does_not_stop_the_steps():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    made = 0
    for i in range(20):
        now = (3_600_000 + 80 * i if i < 10 else 80 * i) * MS
        loop.joints(np.zeros(2), np.zeros(2), now)
        loop.frame('front', image(i), now, now)
        made += loop.step(now, 0.08 * i) is not None
    assert made == 20


def test_latency_runs_from_the_images_stamp_to_the_request():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    loop.joints(np.zeros(2), np.zeros(2), 5 * MS)
    loop.frame('front', image(0), 0, 5 * MS)
    decision = requested_at(loop.step(6 * MS, 0.006).decision, 9 * MS)
    assert (decision.image_latency, decision.request_latency) == (5.0, 9.0)


def test_proprioception_is_what_the_spec_asks_for():
    loop = PolicyLoop(ZeroPolicy(ONE), GateLimits())
    loop.joints(np.array([0.5, -0.5]), np.ones(2), 0)
    loop.frame('front', image(0), 0, 0)
    observation, decision, _ = loop.step(0, 0.0)
    assert observation.proprioception.tolist() == list(decision.proprioception) == [0.5, -0.5]


@pytest.fixture
def bundles(tmp_path):
    return [write_tiny_bundle(tmp_path, manifest_training={'seed': seed}) for seed in (1, 2)]


def point(link, folder):
    link.unlink(missing_ok=True)
    link.symlink_to(folder)


def test_none_without_limits_follows_one_that_has_them_unless_a_person_says_so(tmp_path):
    limits = SurpriseLimits(slow=4.0, hold=8.0, window=8, quantile=0.9, episodes=20, decisions=900)
    limited = write_tiny_bundle(tmp_path, surprise_limits=limits)
    bare, name = write_tiny_bundle(tmp_path), tmp_path / 'name'
    name.write_text(f'{limited}\n')
    slot = PolicySlot(PolicyParams(bundle=str(name)), BUNDLE_SPEC)
    name.write_text(f'{bare}\n')
    with pytest.raises(BundleError, match='no limits of the surprise.*--held-out'):
        slot.find(frozenset())
    assert slot.reload(busy=False) == bare.name
    name.write_text(f'{limited}\n')
    assert slot.find(frozenset()).hash == limited.name


def test_a_reload_follows_the_link_and_a_rollback_goes_back(bundles, tmp_path):
    link = tmp_path / 'current'
    point(link, bundles[0])
    slot = PolicySlot(PolicyParams(bundle=str(link)), BUNDLE_SPEC)
    assert slot.policy.hash == bundles[0].name
    point(link, bundles[1])
    assert slot.reload(busy=False) == bundles[1].name == slot.policy.hash
    assert slot.rollback(busy=False) == bundles[0].name == slot.policy.hash


def test_a_reload_follows_the_file_that_names_the_bundle(bundles, tmp_path):
    name = tmp_path / 'name'
    name.write_text(f'{bundles[0]}\n')
    slot = PolicySlot(PolicyParams(bundle=str(name)), BUNDLE_SPEC)
    assert slot.policy.hash == bundles[0].name
    name.write_text(f'{bundles[1]}\n')
    assert slot.reload(busy=False) == bundles[1].name == slot.policy.hash
    name.write_text('nothing')
    with pytest.raises(ConfigError, match="/name' is a file; expected"):
        slot.reload(busy=False)
    assert slot.policy.hash == bundles[1].name


def test_a_reload_of_the_bundle_in_use_swaps_nothing_and_says_so(bundles, tmp_path):
    slot = PolicySlot(PolicyParams(bundle=str(bundles[0])), BUNDLE_SPEC)
    with pytest.raises(BundleError, match='is still the bundle in use, .* nothing was swapped'):
        slot.reload(busy=False)
    with pytest.raises(BundleError, match='no policy before'):
        slot.rollback(busy=False)
    drawn = PolicySlot(PolicyParams(bundle='random'), BUNDLE_SPEC)
    assert drawn.reload(busy=False) == 'random'


def test_a_damaged_bundle_is_refused_and_the_one_in_use_stays(bundles, tmp_path):
    link = tmp_path / 'current'
    point(link, bundles[0])
    slot = PolicySlot(PolicyParams(bundle=str(link)), BUNDLE_SPEC)
    before = slot.policy
    network = bundles[1] / 'policy.onnx'
    network.write_bytes(network.read_bytes()[:-1])
    point(link, bundles[1])
    with pytest.raises(BundleError, match=r'policy\.onnx'):
        slot.reload(busy=False)
    assert slot.policy is before


def test_nothing_is_swapped_in_an_episode_nor_back_to_nothing(bundles, tmp_path):
    link = tmp_path / 'current'
    point(link, bundles[0])
    slot = PolicySlot(PolicyParams(bundle=str(link)), BUNDLE_SPEC)
    for busy in (False, True):  # whoever waits for the end of an episode would wait in vain
        with pytest.raises(BundleError, match='no policy before .*a restart forgets'):
            slot.rollback(busy)
    point(link, bundles[1])
    slot.reload(busy=False)
    for swap in (slot.reload, slot.rollback):
        with pytest.raises(BundleError, match='stop the episode'):
            swap(busy=True)
