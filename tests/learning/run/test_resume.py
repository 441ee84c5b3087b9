"""What a run calls its settings, and which of them count."""

import pytest

from moto_core.config import to_dict, to_yaml
from moto_learning.run import resume
from moto_learning.run.checkpoint import Checkpoint
from moto_learning.run.resume import learning_hash, names_of
from tests.learning import tiny_learner as tiny

SLOWER = 'model.optimizer.rate=1e-6'


@pytest.mark.parametrize(
    ('change', 'same'),
    [
        ('train.offline_updates=3', False),
        ('train.episode_updates=3', False),
        (SLOWER, False),
        ('train.online_episodes=3', True),
        ('train.keep=9', True),
        ('evaluate.every=3', True),
    ],
)
def test_the_name_of_settings_is_of_what_is_learned_until_the_next_episode(change, same):
    assert (learning_hash(tiny.config(change)) == learning_hash(tiny.config())) is same


def checkpoint(path, *settings, **meta):
    """A checkpoint as far as names are read from it."""
    config = tiny.config(*settings)
    (path / 'config.yaml').write_text(to_yaml(config))
    return Checkpoint(path=path, learner={}, run={}, config=config, spec=tiny.spec(), meta=meta)


@pytest.fixture
def gained(monkeypatch):
    """The program has one setting more from now on."""
    real = resume._hash

    def hash_of(config):
        return real({**to_dict(config), 'gained': 0.5})

    return lambda: monkeypatch.setattr(resume, 'learning_hash', hash_of)


def test_a_run_keeps_the_name_of_its_settings_once_the_program_has_gained_one(tmp_path, gained):
    before = learning_hash(tiny.config())
    said = checkpoint(tmp_path, settings=before)
    gained()
    now = resume.learning_hash(tiny.config())
    assert now != before
    assert names_of(tiny.config(), None) == (now,)
    assert names_of(tiny.config('train.keep=9'), said) == (before, now)
    assert names_of(tiny.config(SLOWER), said) == (resume.learning_hash(tiny.config(SLOWER)),)


def test_a_checkpoint_that_does_not_name_its_settings_holds_those_of_its_time(tmp_path, gained):
    before = learning_hash(tiny.config())
    silent = checkpoint(tmp_path)
    gained()
    now = resume.learning_hash(tiny.config())
    assert names_of(tiny.config(), silent) == (before, now, '')
    assert names_of(tiny.config(SLOWER), silent) == (resume.learning_hash(tiny.config(SLOWER)),)
