"""One checkpoint: what comes back, and that damage and wrong contents are said in one line."""

import json
from pathlib import Path

import pytest
import torch

from moto_learning.run.checkpoint_files import CheckpointError, _hash_meta
from moto_learning.run.checkpoints import load_checkpoint, load_learner
from tests.learning import tiny_learner as tiny
from tests.learning.run.saving import failing, one_line, save, sign


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


def test_a_newest_checkpoint_without_its_state_is_said_not_skipped(tmp_path):
    agent = tiny.agent()
    save(tmp_path, agent, 5)
    (save(tmp_path, agent, 10) / 'state.pt').unlink()
    with pytest.raises(CheckpointError, match='00000010.*damaged.*remove it to continue'):
        load_checkpoint(tmp_path)


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
