"""The checkpoints of a run: which stay, which go, what a killed process or a full disk leaves."""

import resource
import shutil
from pathlib import Path

import pytest
import torch

from moto_learning.run import checkpoints
from moto_learning.run.checkpoint_files import CheckpointError, is_whole
from moto_learning.run.checkpoints import (
    is_begun,
    last_sound,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
    tidy_checkpoints,
)
from tests.learning import tiny_learner as tiny
from tests.learning.run.saving import failing, flip, names, one_line, save


def test_the_last_checkpoints_and_every_milestone_stay(tmp_path):
    agent = tiny.agent()
    for updates in (5, 10, 15, 20):
        save(tmp_path, agent, updates, kept=updates == 5)
    assert names(tmp_path) == ['00000005', '00000015', '00000020']
    save(tmp_path, agent, 25, keep=1)
    assert names(tmp_path) == ['00000005', '00000025']
    save(tmp_path, agent, 5, keep=1)  # written again by a phase that ends there: still kept
    save(tmp_path, agent, 30, keep=1)
    assert names(tmp_path) == ['00000005', '00000030']
    assert latest_checkpoint(tmp_path).name == '00000030'


def test_what_a_killed_process_left_half_done_is_cleared_away(tmp_path):
    agent = tiny.agent()
    for updates in (5, 10):
        save(tmp_path, agent, updates)
    folder = tmp_path / 'checkpoints'
    for left in ('.00000015.new', '.00000010.old'):
        (folder / left).mkdir()
        (folder / left / 'state.pt').write_bytes(b'half')
    assert latest_checkpoint(tmp_path).name == '00000010'
    tidy_checkpoints(tmp_path)
    assert names(tmp_path) == ['00000005', '00000010']


def test_what_is_not_ours_beside_the_checkpoints_stays(tmp_path):
    path = save(tmp_path, tiny.agent(), 5)
    folder, elsewhere = path.parent, tmp_path / 'elsewhere'
    for mine in (folder / '.00000015.9123', folder / '.2024 notes', elsewhere):
        mine.mkdir()
        (mine / 'precious').write_text('x')
    (folder / '.00000020.new').write_text('a file')
    (folder / '.00000025.old').symlink_to(elsewhere)
    before = names(tmp_path)
    tidy_checkpoints(tmp_path)
    assert names(tmp_path) == before
    assert (elsewhere / 'precious').exists()
    assert load_checkpoint(tmp_path).path == path


def test_checkpoints_are_in_order_of_updates_of_any_number_of_digits(tmp_path):
    agent = tiny.agent()
    for updates in (99_999_999, 100_000_000):
        save(tmp_path, agent, updates)
    assert latest_checkpoint(tmp_path).name == '100000000'


def test_a_checkpoint_that_could_not_be_replaced_is_there_again(tmp_path, monkeypatch):
    path = save(tmp_path, tiny.agent('seed=1'), 5)
    with monkeypatch.context() as patched:
        patched.setattr(Path, 'rename', failing(2, Path.rename))
        with pytest.raises(CheckpointError, match='Input/output error.*goes on from 00000005'):
            save(tmp_path, tiny.agent('seed=2'), 5)
    assert load_checkpoint(tmp_path).path == path
    assert load_checkpoint(tmp_path).config.seed == 1


def test_an_old_checkpoint_that_cannot_be_removed_is_one_line(tmp_path, monkeypatch):
    agent = tiny.agent()
    save(tmp_path, agent, 5)

    def refuse(path, ignore_errors=False):
        if not ignore_errors:
            raise PermissionError(13, 'Permission denied', str(path))

    monkeypatch.setattr(shutil, 'rmtree', refuse)
    with pytest.raises(CheckpointError, match='00000005.*00000010. is whole') as error:
        save(tmp_path, agent, 10, keep=1)
    assert one_line(error)
    assert load_checkpoint(tmp_path).run == {'counters': {'offline': 10}}
    (tmp_path / 'checkpoints' / '.00000015.new').mkdir()
    with pytest.raises(CheckpointError, match='cannot tidy.*Permission denied'):
        tidy_checkpoints(tmp_path)


def test_a_checkpoint_that_was_being_replaced_comes_back(tmp_path):
    path = save(tmp_path, tiny.agent(), 5)
    path.rename(path.with_name('.00000005.old'))
    assert is_begun(tmp_path)
    tidy_checkpoints(tmp_path)
    assert load_checkpoint(tmp_path).path == path


def test_a_run_is_begun_once_it_has_a_checkpoint_and_not_by_what_else_is_there(tmp_path):
    assert not is_begun(tmp_path)
    folder = tmp_path / 'checkpoints'
    for name in ('.00000005.new', '.00000005.gone', 'notes', '.2024.old'):
        (folder / name).mkdir(parents=True)
    (folder / '.00000005.old').symlink_to(folder / 'notes')
    assert not is_begun(tmp_path)
    (folder / '00000005').mkdir()
    assert is_begun(tmp_path)


def test_a_damaged_checkpoint_says_whether_there_is_one_before_it(tmp_path):
    (tmp_path / 'config.yaml').write_text('seed: 1')
    agent = tiny.agent()
    for updates in (5, 10):
        flip(save(tmp_path, agent, updates) / 'state.pt', 100)
    with pytest.raises(CheckpointError, match='remove it to continue from the one before$'):
        load_checkpoint(tmp_path)
    shutil.rmtree(tmp_path / 'checkpoints' / '00000010')
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(tmp_path)
    typed = f"'moto-train --config {tmp_path}/config.yaml --data DATASET --out {tmp_path}'"
    assert f'there is none before it: remove it, then {typed} (or its moto-sw' in str(error.value)


def test_a_checkpoint_of_the_same_update_replaces_the_earlier_one(tmp_path):
    save(tmp_path, tiny.agent('seed=1'), 5)
    save(tmp_path, tiny.agent('seed=2'), 5)
    assert load_checkpoint(tmp_path).config.seed == 2
    assert names(tmp_path) == ['00000005']


def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays(tmp_path):
    agent = tiny.agent()
    good = save(tmp_path, agent, 5, keep=1)
    size = (good / 'state.pt').stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))
    try:
        for updates in (10, 5):
            with pytest.raises(CheckpointError, match='File too large.*goes on from 0') as error:
                save(tmp_path, agent, updates, keep=1)
            assert one_line(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == ['00000005']
    assert load_checkpoint(tmp_path).path == good


@pytest.mark.parametrize('room', [100, 6000])  # [bytes]; full within a tensor, torch says it
def test_a_full_disk_is_said_in_the_systems_words_and_not_in_torchs(tmp_path, room):
    agent = tiny.agent()
    state = {'weights': torch.zeros(3000)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(CheckpointError) as error:
            save_checkpoint(tmp_path, state, {}, agent.config, agent.spec, {'updates': 5})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert 'File too large' in str(error.value) and 'inline_container' not in str(error.value)


def test_a_full_disk_before_the_first_checkpoint_leaves_nothing(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('moto_learning.run.checkpoint_files.write_synced', full)
    with pytest.raises(CheckpointError, match='No space left.*--out .*begins the run anew'):
        save(tmp_path, tiny.agent(), 5)
    assert names(tmp_path) == []
    shutil.rmtree(tmp_path / 'checkpoints')


def test_a_milestone_whose_meta_is_damaged_or_unreadable_is_not_pruned(tmp_path):
    agent = tiny.agent()
    flip(save(tmp_path, agent, 5, kept=True) / 'meta.json')
    meta = save(tmp_path, agent, 10, kept=True) / 'meta.json'
    meta.write_text(meta.read_text().replace('"kept": true', '"kept": false'))  # not its hash
    save(tmp_path, agent, 15, kept=True).joinpath('meta.json').unlink()
    for updates in (20, 25, 30):
        save(tmp_path, agent, updates, keep=1)
    assert names(tmp_path) == ['00000005', '00000010', '00000015', '00000030']


def test_a_checkpoint_written_over_an_unreadable_one_stays_a_milestone(tmp_path):
    agent = tiny.agent()
    flip(save(tmp_path, agent, 5, kept=True) / 'meta.json')
    save(tmp_path, agent, 5)
    save(tmp_path, agent, 10, keep=1)
    assert names(tmp_path) == ['00000005', '00000010']


def test_only_whole_checkpoints_count_and_the_one_just_written_stays(tmp_path):
    agent = tiny.agent()
    for foreign in ('99999998', '99999999'):
        (tmp_path / 'checkpoints' / foreign).mkdir(parents=True)
    for updates in (5, 10, 15):
        assert load_checkpoint(save(tmp_path, agent, updates)).meta['updates'] == updates
    assert names(tmp_path)[:2] == ['00000010', '00000015']
    flip(tmp_path / 'checkpoints' / '00000015' / 'state.pt', 100)
    save(tmp_path, agent, 20)
    assert names(tmp_path)[:3] == ['00000010', '00000015', '00000020']
    for folder in ('99999998', '99999999'):
        assert (tmp_path / 'checkpoints' / folder).is_dir()


def test_the_one_just_written_stays_though_later_whole_ones_are_there(tmp_path):
    agent = tiny.agent()
    for updates in (20, 30):
        save(tmp_path, agent, updates)
    assert save(tmp_path, agent, 10).is_dir()
    assert names(tmp_path) == ['00000010', '00000030']
    assert save(tmp_path, agent, 5, keep=1).is_dir()
    assert names(tmp_path) == ['00000005']


def test_a_link_among_the_checkpoints_is_left_alone_and_never_written_over(tmp_path):
    agent = tiny.agent()
    elsewhere = save(tmp_path / 'other', agent, 5)
    (tmp_path / 'checkpoints').mkdir()
    link = tmp_path / 'checkpoints' / '00000005'
    link.symlink_to(elsewhere)
    for updates in (10, 15):
        save(tmp_path, agent, updates, keep=1)
    assert names(tmp_path) == ['00000005', '00000015'] and link.is_symlink()
    with pytest.raises(CheckpointError, match='00000005.*a link is there; remove the link'):
        save(tmp_path, agent, 5)
    assert link.is_symlink() and load_checkpoint(elsewhere).meta['updates'] == 5


def test_a_checkpoint_half_removed_by_a_killed_process_is_cleared_away(tmp_path, monkeypatch):
    agent = tiny.agent()
    save(tmp_path, agent, 5)
    real = shutil.rmtree

    def killed(path, ignore_errors=False):
        if ignore_errors:
            return real(path, ignore_errors=True)
        (path / 'meta.json').unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, 'rmtree', killed)
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path, agent, 10, keep=1)
    tidy_checkpoints(tmp_path)
    assert names(tmp_path) == ['00000010']


def test_a_save_reads_no_more_than_the_checkpoints_that_it_counts_on(tmp_path, monkeypatch):
    agent, read = tiny.agent(), []

    def count(folder):
        read.append(folder.name)
        return is_whole(folder)

    monkeypatch.setattr(checkpoints, 'is_whole', count)
    for updates in (5, 10, 15):
        save(tmp_path, agent, updates, keep=2)
    assert read == ['00000005', '00000010']
    flip(tmp_path / 'checkpoints' / '00000015' / 'state.pt', 100)
    read.clear()
    save(tmp_path, agent, 20, keep=2)
    assert read == ['00000015', '00000010'] and len(names(tmp_path)) == 3
    save(tmp_path, agent, 25, keep=2)
    assert names(tmp_path) == ['00000020', '00000025']  # whole; nobody needs the damaged one now


def test_the_last_sound_checkpoint_outlives_those_of_a_divergence(tmp_path):
    agent = tiny.agent()
    for updates, sound in ((5, True), (10, True), (15, False), (20, False), (25, False)):
        save(tmp_path, agent, updates, keep=2, sound=sound)
    assert names(tmp_path) == ['00000010', '00000020', '00000025']
    assert last_sound(tmp_path).name == '00000010'
    save(tmp_path, agent, 30, keep=1, sound=False)
    assert names(tmp_path) == ['00000010', '00000030']
    save(tmp_path, agent, 35, keep=2, sound=True)  # it was none after all
    assert names(tmp_path) == ['00000030', '00000035']
    assert last_sound(tmp_path).name == '00000035'


def test_a_sound_checkpoint_that_is_damaged_is_not_counted_on(tmp_path):
    agent = tiny.agent()
    for updates in (5, 10):
        save(tmp_path, agent, updates)
    flip(tmp_path / 'checkpoints' / '00000010' / 'state.pt', 100)
    for updates in (15, 20):
        save(tmp_path, agent, updates, sound=False)
    assert names(tmp_path) == ['00000005', '00000010', '00000015', '00000020']
    assert last_sound(tmp_path).name == '00000005'
