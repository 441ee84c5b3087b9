"""Images that were drawn otherwise than others are told of, before anything is learned."""

import pytest

from moto_core.episodes.dataset import Dataset
from moto_learning.commands import train_run
from moto_learning.commands.data import main
from moto_learning.data import rendering
from moto_learning.data.rendering import NOT_SAID, rendering_note, renderings
from moto_learning.run.counters import ToCome
from tests.recorded import record

FINE = '2 x 2 samples a pixel'
DRAWN = {'rendering': FINE}


def dataset(root, *extras, source='sim'):
    """A dataset with an episode of each `extra`, in this order."""
    for extra in extras:
        record(root, [2], extra=extra, source=source)
    return Dataset.open(root)


def test_images_from_before_headers_said_how_they_were_drawn_are_told_from_later_ones(tmp_path):
    old, new = dataset(tmp_path / 'old', {}, {}), dataset(tmp_path / 'new', DRAWN)
    assert (renderings(old), renderings(new)) == ([NOT_SAID], [FINE])
    assert rendering_note([old]) == rendering_note([new]) == rendering_note([new], FINE) == ''
    for said in (rendering_note([old, new]), rendering_note([old], FINE)):
        assert f"old': {NOT_SAID}; '" in said or f"old': {NOT_SAID}; the simulator" in said
        assert f': {FINE})' in said and 'record what is older anew' in said


def test_one_dataset_of_two_kinds_is_shown_in_the_order_in_which_they_came(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(rendering, 'LOOKED_AT', 3)
    dataset(tmp_path / 'mixed', {}, {}, {}, {}, DRAWN)
    assert main(['inspect', str(tmp_path / 'mixed')]) == 0
    assert f"mixed': {NOT_SAID}, then {FINE})" in capsys.readouterr().out


def test_what_no_simulator_of_ours_drew_is_not_judged(tmp_path):
    robot = dataset(tmp_path / 'robot', {}, source='robot')
    recorder = dataset(tmp_path / 'recorder', {'limits_file': 'fr3.yaml'}, {'limits': 'abc'})
    new = dataset(tmp_path / 'new', DRAWN)
    assert rendering_note([robot, recorder, new], FINE) == rendering_note([robot], FINE) == ''


class Run:
    """A run as far as the warning looks at it."""

    def __init__(self, datasets, out, to_come):
        self.datasets, self.out, self.to_come = datasets, out, lambda phase: to_come


class Lines(list):
    """A console."""

    def print(self, line, **style):
        self.append(line)


@pytest.mark.parametrize('to_come, warned', [((5, 1, 0), 1), ((5, 0, 1), 1), ((5, 0, 0), 0)])
def test_old_images_are_warned_of_only_where_the_simulator_will_draw_more(
    tmp_path, to_come, warned
):
    pytest.importorskip('mujoco')
    run, lines = Run([dataset(tmp_path / 'old', {})], tmp_path / 'run', ToCome(*to_come)), Lines()
    train_run._warn_of_rendering(run, 'all', lines)
    assert len(lines) == warned
