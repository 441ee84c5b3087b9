"""Swapping the policy: verified first, refused in an episode, and always a way back."""

import pytest

from moto_core.errors import BundleError
from moto_ros.config import PolicyParams
from moto_ros.loops.policy_slot import PolicySlot
from tests.core.policy.tiny_bundle import SPEC, write_tiny_bundle


@pytest.fixture
def bundles(tmp_path):
    return [write_tiny_bundle(tmp_path, manifest_git_hash=name) for name in ('first', 'second')]


def point(link, folder):
    link.unlink(missing_ok=True)
    link.symlink_to(folder)


def test_a_reload_follows_the_link_and_a_rollback_goes_back(bundles, tmp_path):
    link = tmp_path / 'current'
    point(link, bundles[0])
    slot = PolicySlot(PolicyParams(bundle=str(link)), SPEC)
    assert slot.policy.hash == bundles[0].name
    point(link, bundles[1])
    assert slot.reload(busy=False) == bundles[1].name == slot.policy.hash
    assert slot.rollback(busy=False) == bundles[0].name == slot.policy.hash


def test_a_damaged_bundle_is_refused_and_the_one_in_use_stays(bundles, tmp_path):
    link = tmp_path / 'current'
    point(link, bundles[0])
    slot = PolicySlot(PolicyParams(bundle=str(link)), SPEC)
    before = slot.policy
    network = bundles[1] / 'policy.onnx'
    network.write_bytes(network.read_bytes()[:-1])
    point(link, bundles[1])
    with pytest.raises(BundleError, match=r'policy\.onnx'):
        slot.reload(busy=False)
    assert slot.policy is before


def test_nothing_is_swapped_in_an_episode_nor_back_to_nothing(bundles):
    slot = PolicySlot(PolicyParams(bundle=str(bundles[0])), SPEC)
    for swap in (slot.reload, slot.rollback):
        with pytest.raises(BundleError, match='stop the episode'):
            swap(busy=True)
    with pytest.raises(BundleError, match='no policy before'):
        slot.rollback(busy=False)
