"""When training is sound, and when it has diverged: by hand, and in a real run."""

import json
import re
import shutil

import numpy as np
import pytest

from moto_learning.commands.train import main
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.watch import UNKNOWN, TrainingError, Watch
from tests.learning import tiny_learner as tiny
from tests.learning.commands.test_train import TINY
from tests.learning.run.saving import save
from tests.recorded import record

BATCH = {'images': {'front': np.zeros((1, 2, 8, 8, 3), np.uint8)}, 'reward': np.ones((1, 2))}


def told(watch, update=1, loss=4.0, size=5.0, allowed=10.0, worst=4.0):
    """Shows an update to the watch; returns whether training is sound at it."""
    metrics = {'update/skipped': 0.0, 'model/loss': loss, 'model/allowed': worst}
    watch.see(update, metrics | {'critics/size': size, 'critics/allowed': allowed}, BATCH)
    return watch.sound


@pytest.fixture
def watch(tmp_path, monkeypatch):
    monkeypatch.setattr('moto_learning.run.watch.GIVE_UP', 3)
    return Watch(tmp_path, 10.0)


def test_values_beyond_what_rewards_allow_are_unsound_and_far_beyond_them_diverge(watch, tmp_path):
    assert told(watch, size=20.0) and not told(watch, size=21.0)
    assert not told(watch, size=101.0) and not told(watch, size=101.0)
    assert not told(watch, size=99.0)  # not in a row
    assert not told(watch, size=101.0) and not told(watch, size=101.0)
    assert watch.sound is False and not (tmp_path / 'diverged').exists()
    with pytest.raises(TrainingError, match=r'the size of values is 10\.1 times what can be'):
        told(watch, update=8, size=101.0)
    with np.load(tmp_path / 'diverged' / '00000008.npz') as dump:
        assert dump['reward'].tolist() == [[1, 1]] and dump['image_front'].dtype == np.uint8


def test_what_values_may_be_follows_the_largest_rewards_so_far(watch):
    told(watch, allowed=10.0)
    for _ in range(5):  # the penalty fell to a tenth, the critics are on their way
        assert told(watch, size=20.0, allowed=1.0)
    assert told(watch, size=39.0, allowed=20.0)


def test_a_model_worse_than_none_is_unsound_and_far_worse_diverges(watch):
    assert told(watch, loss=4.0) and told(watch, loss=1.0) and told(watch, loss=8.0)
    assert not told(watch, loss=9.0)
    told(watch, loss=41.0)
    told(watch, loss=41.0)
    with pytest.raises(
        TrainingError, match=r'loss of the world model is 10\.2 .*train.divergence'
    ):
        told(watch, loss=41.0)
    for _ in range(5):  # a brighter scene: what no model would lose has grown too
        assert told(watch, loss=41.0, worst=40.0)


def test_without_a_limit_and_for_a_learner_that_tells_nothing_training_goes_on(tmp_path):
    watch = Watch(tmp_path, 0.0)
    for _ in range(200):
        told(watch, size=1e9, loss=1e9)
    watch = Watch(tmp_path, 10.0)
    for update in range(200):
        watch.see(update, {'update/skipped': 0.0}, BATCH)
    assert watch.sound


def test_nothing_beyond_a_small_limit_is_sound(tmp_path):
    watch = Watch(tmp_path, 0.5)
    assert told(watch, size=4.0, loss=1.0) and not told(watch, size=6.0, loss=1.0)


def test_a_count_and_what_it_rests_on_come_back_from_a_checkpoint(watch, tmp_path):
    told(watch, loss=4.0, allowed=10.0)
    told(watch, size=101.0)
    told(watch, size=101.0)
    again = Watch(tmp_path, 10.0)
    again.load_state_dict(json.loads(json.dumps(watch.state_dict())))
    assert again.sound is False
    with pytest.raises(TrainingError):
        told(again, size=101.0)
    again.load_state_dict(json.loads(json.dumps(UNKNOWN)))  # of an older version
    for _ in range(5):
        assert told(again, loss=1e6, worst=0.0)


def test_without_a_world_model_the_rate_to_lower_is_the_model_free_one(watch):
    watch.diverged = 2
    metrics = {'update/skipped': 0.0, 'critics/size': 101.0, 'critics/allowed': 10.0}
    with pytest.raises(TrainingError, match=r'a lower model_free\.optimizer\.rate$'):
        watch.see(1, metrics, BATCH)


def test_the_error_names_the_last_sound_checkpoint_and_what_to_do(watch, tmp_path):
    def error():
        watch.diverged = 2
        with pytest.raises(TrainingError) as error:
            told(watch, size=101.0)
        assert len(str(error.value).splitlines()) == 1
        return str(error.value)

    assert 'start a new run with a lower actor_critic.critic.optimizer.rate' in error()
    agent = tiny.agent()
    sound = save(tmp_path, agent, 5, sound=True)
    way = f'moto-train --resume {tmp_path} actor_critic.critic.optimizer.rate=...'
    assert f"'{sound}' is from before it: go on from it with a lower rate, {way}" in error()
    save(tmp_path, agent, 10, sound=False)
    assert f"'{sound}' is from before it: remove the later ones there, then go on" in error()


TOO_FAST = ['model.optimizer.rate=1.0', 'model.optimizer.beta2=0.5', 'model.image_scale=100.0']


def test_a_run_that_diverges_stops_in_a_line_and_goes_on_from_the_checkpoint_it_names(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr('moto_learning.run.watch.GIVE_UP', 10)
    record(tmp_path / 'data', [8, 8])
    run = tmp_path / 'run'
    start = ['--data', str(tmp_path / 'data'), '--out', str(run), *TINY, 'train.save_every=3']
    assert main([*start, TOO_FAST[-1], 'train.offline_updates=3']) == 0
    capsys.readouterr()
    more = ['--resume', str(run), 'train.offline_updates=60']
    assert main([*more, *TOO_FAST]) == 2
    said = capsys.readouterr().err
    sound = run / 'checkpoints' / '00000003'
    assert re.search(f"diverges: the loss of the world model is .*'{sound}' is from", said)
    assert len(said.splitlines()) == 1 and 'model.optimizer.rate=...' in said
    assert len(list((run / 'diverged').iterdir())) == 1
    later = [path for path in sound.parent.iterdir() if path != sound]
    assert len(later) == 2
    assert main([*more, *TOO_FAST]) == 2  # the later ones are there still
    for path in later:
        shutil.rmtree(path)
    assert main([*more, 'model.optimizer.rate=1e-4', 'train.offline_updates=6']) == 0
    assert load_checkpoint(run).meta['updates'] == 6
