import json

import pytest
import torch

from moto_learning.run.checkpoint import (
    CheckpointError,
    latest_checkpoint,
    load_agent,
    load_checkpoint,
    save_checkpoint,
)
from tests.learning import tiny_learner as tiny


def save(run, agent, updates):
    state = {'agent': agent.state_dict(), 'replay': '{}', 'counters': {'offline': updates}}
    return save_checkpoint(run, state, agent.config, agent.spec, {'updates': updates})


def test_an_agent_comes_back_with_its_config_spec_and_git_hash(tmp_path):
    agent = tiny.agent('seed=3')
    agent.update(tiny.batch())
    path = save(tmp_path, agent, 1)
    loaded = load_checkpoint(tmp_path)
    assert loaded.path == path and loaded.config == agent.config
    assert loaded.spec.hash == agent.spec.hash
    assert loaded.meta['git'] == json.loads((path / 'meta.json').read_text())['git']
    again = load_agent(tmp_path)
    assert again.updates == 1
    assert again.update(tiny.batch(1)) == agent.update(tiny.batch(1))


def test_only_the_last_checkpoints_stay_and_a_half_written_one_is_never_seen(tmp_path):
    agent = tiny.agent()
    for updates in (5, 10, 15):
        save(tmp_path, agent, updates)
    half = tmp_path / 'checkpoints' / '.00000020.123'
    half.mkdir()
    (half / 'state.pt').write_bytes(b'half')
    assert latest_checkpoint(tmp_path).name == '00000015'
    assert sorted(p.name for p in (tmp_path / 'checkpoints').glob('[0-9]*')) == [
        '00000010',
        '00000015',
    ]


def test_a_checkpoint_of_the_same_update_replaces_the_earlier_one(tmp_path):
    save(tmp_path, tiny.agent('seed=1'), 5)
    save(tmp_path, tiny.agent('seed=2'), 5)
    assert load_checkpoint(tmp_path).config.seed == 2


def test_a_missing_or_damaged_checkpoint_is_a_clear_error(tmp_path):
    with pytest.raises(CheckpointError, match='no checkpoint under'):
        load_checkpoint(tmp_path)
    path = save(tmp_path, tiny.agent(), 5)
    whole = (path / 'state.pt').read_bytes()
    (path / 'state.pt').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r'00000005.*is damaged'):
        load_checkpoint(tmp_path)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    path = save(tmp_path, tiny.agent(), 5)

    class Evil:
        def __reduce__(self):
            return (print, ('ran',))

    torch.save({'agent': Evil()}, path / 'state.pt')
    with pytest.raises(CheckpointError, match='damaged'):
        load_checkpoint(tmp_path)


def test_another_format_is_refused_with_both_numbers(tmp_path):
    path = save(tmp_path, tiny.agent(), 5)
    meta = json.loads((path / 'meta.json').read_text())
    (path / 'meta.json').write_text(json.dumps({**meta, 'format': 99}))
    with pytest.raises(CheckpointError, match='format 99; this version reads 1'):
        load_checkpoint(tmp_path)
