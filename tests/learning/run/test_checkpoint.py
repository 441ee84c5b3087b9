import json
import resource
import shutil
from pathlib import Path

import pytest
import torch

from moto_learning.run.checkpoint import (
    CheckpointError,
    _hash_file,
    _hash_meta,
    latest_checkpoint,
    load_checkpoint,
    load_learner,
    save_checkpoint,
    tidy_checkpoints,
)
from tests.learning import tiny_learner as tiny


def save(run, agent, updates, keep=2, **meta):
    state = {'counters': {'offline': updates}}
    about = {'updates': updates, **meta}
    return save_checkpoint(run, agent.state_dict(), state, agent.config, agent.spec, about, keep)


def sign(path):
    """Makes the hashes those of what lies there now."""
    meta = json.loads((path / 'meta.json').read_text())
    meta['hashes'] = {name: _hash_file(path / name) for name in ('state.pt', 'config.yaml')}
    meta['hash'] = _hash_meta(meta)
    (path / 'meta.json').write_text(json.dumps(meta))


def names(run):
    return sorted(p.name for p in (run / 'checkpoints').iterdir())


def one_line(error):
    return len(str(error.value).splitlines()) == 1


def test_a_learner_comes_back_with_its_config_spec_and_git_hash(tmp_path):
    agent = tiny.agent('seed=3')
    agent.update(tiny.batch())
    path = save(tmp_path, agent, 1)
    loaded = load_checkpoint(tmp_path)
    assert loaded.path == path and loaded.config == agent.config
    assert loaded.spec.hash == agent.spec.hash and loaded.run == {'counters': {'offline': 1}}
    assert loaded.meta['git'] == json.loads((path / 'meta.json').read_text())['git']
    again = load_learner(tmp_path)
    assert again.updates == 1
    assert again.update(tiny.batch(1)) == agent.update(tiny.batch(1))


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


def test_a_newest_checkpoint_without_its_state_is_said_not_skipped(tmp_path):
    agent = tiny.agent()
    save(tmp_path, agent, 5)
    (save(tmp_path, agent, 10) / 'state.pt').unlink()
    with pytest.raises(CheckpointError, match='00000010.*damaged.*remove it to continue'):
        load_checkpoint(tmp_path)


def test_checkpoints_are_in_order_of_updates_of_any_number_of_digits(tmp_path):
    agent = tiny.agent()
    for updates in (99_999_999, 100_000_000):
        save(tmp_path, agent, updates)
    assert latest_checkpoint(tmp_path).name == '100000000'


def failing(at, real):
    """Returns `real` that fails like a disk at its call number `at`."""
    calls = []

    def function(self, *args, **kwargs):
        calls.append(self)
        if len(calls) == at:
            raise OSError(5, 'Input/output error')
        return real(self, *args, **kwargs)

    return function


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


def test_an_error_of_the_machine_is_not_called_damage(tmp_path, monkeypatch):
    save(tmp_path, tiny.agent(), 5)
    with monkeypatch.context() as patched:
        patched.setattr(Path, 'read_text', failing(1, Path.read_text))
        with pytest.raises(CheckpointError, match='cannot read.*Input/output') as error:
            load_checkpoint(tmp_path)
    assert 'remove' not in str(error.value)

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError('out of memory')

    monkeypatch.setattr(torch, 'load', full)
    with pytest.raises(CheckpointError, match='cannot load.*out of memory') as error:
        load_checkpoint(tmp_path)
    assert 'remove' not in str(error.value)


def test_a_checkpoint_that_was_being_replaced_comes_back(tmp_path):
    path = save(tmp_path, tiny.agent(), 5)
    path.rename(path.with_name('.00000005.old'))
    tidy_checkpoints(tmp_path)
    assert load_checkpoint(tmp_path).path == path


def test_a_checkpoint_of_the_same_update_replaces_the_earlier_one(tmp_path):
    save(tmp_path, tiny.agent('seed=1'), 5)
    save(tmp_path, tiny.agent('seed=2'), 5)
    assert load_checkpoint(tmp_path).config.seed == 2
    assert names(tmp_path) == ['00000005']


def test_a_missing_or_cut_checkpoint_is_a_clear_error(tmp_path):
    with pytest.raises(CheckpointError, match='no checkpoint under'):
        load_checkpoint(tmp_path)
    path = save(tmp_path, tiny.agent(), 5)
    whole = (path / 'state.pt').read_bytes()
    (path / 'state.pt').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r'00000005.*is damaged'):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize('name', ['state.pt', 'config.yaml', 'meta.json'])
def test_every_flipped_bit_is_found(tmp_path, name):
    path = save(tmp_path, tiny.agent(), 5)
    whole = (path / name).read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        (path / name).write_bytes(flipped)
        with pytest.raises(CheckpointError, match='damaged|format') as error:
            load_checkpoint(tmp_path)
        assert one_line(error)
    (path / name).write_bytes(whole)
    load_checkpoint(tmp_path)


def spoil_learner(change):
    def spoil(state):
        change(state['learner'])

    return spoil


WRONG = {
    'no learner': lambda state: state.pop('learner'),
    'no run': lambda state: state.pop('run'),
    'run is no JSON': lambda state: state.update(run='{'),
    'run is a list': lambda state: state.update(run='[]'),
    'learner is a list': lambda state: state.update(learner=[1]),
    'a missing network': spoil_learner(lambda x: x['networks'].pop('actor')),
    'a missing weight': spoil_learner(lambda x: x['networks']['actor'].popitem()),
    'another shape': spoil_learner(
        lambda x: x['networks']['actor'].update({'net.out.bias': torch.zeros(99)})
    ),
    'a number for a network': spoil_learner(lambda x: x['networks'].update(actor=3)),
    'moments of another shape': spoil_learner(
        lambda x: x['optimizers']['actor']['adam']['state'][0].update(exp_avg=torch.zeros(2))
    ),
    'moments of another type': spoil_learner(
        lambda x: x['optimizers']['actor']['adam']['state'][0].update(exp_avg_sq='none')
    ),
    'a missing optimiser': spoil_learner(lambda x: x['optimizers'].pop('critics')),
    'updates in words': spoil_learner(lambda x: x.update(updates='many')),
    'no random state': spoil_learner(lambda x: x.pop('generator')),
    'a short random state': spoil_learner(
        lambda x: x.update(generator=torch.zeros(3, dtype=torch.uint8))
    ),
}


@pytest.mark.parametrize('wrong', WRONG)
def test_wrong_contents_are_one_line(tmp_path, wrong):
    agent = tiny.agent()
    agent.update(tiny.batch())
    path = save(tmp_path, agent, 1)
    state = torch.load(path / 'state.pt', weights_only=True)
    WRONG[wrong](state)
    torch.save(state, path / 'state.pt')
    sign(path)
    with pytest.raises(CheckpointError, match='00000001.* does not hold') as error:
        load_learner(tmp_path)
    assert one_line(error)


def test_a_checkpoint_of_another_spec_or_config_is_one_line(tmp_path):
    agent = tiny.agent()
    path = save(tmp_path / 'spec', agent, 1)
    meta = json.loads((path / 'meta.json').read_text())
    meta['spec']['cameras']['front']['height'] = 16
    (path / 'meta.json').write_text(json.dumps(meta))
    sign(path)
    path = save(tmp_path / 'config', agent, 1)
    text = (path / 'config.yaml').read_text()
    (path / 'config.yaml').write_text(text.replace('deter: 8', 'deter: 9'))
    sign(path)
    for run in ('spec', 'config'):
        with pytest.raises(CheckpointError, match='00000001') as error:
            load_learner(tmp_path / run)
        assert one_line(error)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    path = save(tmp_path, tiny.agent(), 5)

    class Evil:
        def __reduce__(self):
            return (print, ('ran',))

    torch.save({'learner': Evil(), 'run': '{}'}, path / 'state.pt')
    sign(path)
    with pytest.raises(CheckpointError, match='does not hold'):
        load_checkpoint(tmp_path)


def test_another_format_is_refused_with_both_numbers(tmp_path):
    path = save(tmp_path, tiny.agent(), 5)
    meta = json.loads((path / 'meta.json').read_text())
    (path / 'meta.json').write_text(json.dumps({**meta, 'format': 1}))
    with pytest.raises(CheckpointError, match='format 1; this version reads 2: start a new run'):
        load_checkpoint(tmp_path)


def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays(tmp_path):
    agent = tiny.agent()
    good = save(tmp_path, agent, 5, keep=1)
    size = (good / 'state.pt').stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))
    try:
        for updates in (10, 5):
            with pytest.raises(CheckpointError, match='cannot write.*goes on from 0') as error:
                save(tmp_path, agent, updates, keep=1)
            assert one_line(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == ['00000005']
    assert load_checkpoint(tmp_path).path == good


def test_a_full_disk_before_the_first_checkpoint_leaves_nothing(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('moto_learning.run.checkpoint.write_synced', full)
    with pytest.raises(CheckpointError, match='No space left.*there is none yet'):
        save(tmp_path, tiny.agent(), 5)
    assert names(tmp_path) == []
    shutil.rmtree(tmp_path / 'checkpoints')


def flip(path, at=5):
    """Flips a bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x80
    path.write_bytes(data)


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


@pytest.mark.parametrize(
    'wrong',
    [
        {'setup': 5},
        {'setup': [1]},
        {'setup': {'robots': 'x'}},
        {'updates': 'x'},
        {'updates': True},
        {'counters': None},
        {'counters': []},
        {'data': 'here'},
        {'episodes': [1]},
        {'spec': None},
        {'hashes': []},
    ],
    ids=str,
)
def test_a_meta_of_other_kinds_is_one_line(tmp_path, wrong):
    path = save(tmp_path, tiny.agent(), 5, counters={'offline': 5}, setup={})
    meta = json.loads((path / 'meta.json').read_text()) | wrong
    meta['hash'] = _hash_meta(meta)
    (path / 'meta.json').write_text(json.dumps(meta))
    with pytest.raises(CheckpointError, match='00000005') as error:
        load_checkpoint(tmp_path)
    assert one_line(error)
