"""What is drawn beside metrics.jsonl: with a stand-in for Weights & Biases, and the real one."""

import sys
import types

import pytest

from moto_core.errors import ConfigError
from moto_learning.run.boards import open_boards
from moto_learning.run.metrics import MetricsLog, read_metrics
from tests.learning import tiny_learner as tiny

DRAWN = ['train.wandb=arm', 'seed=3']


class StandIn(types.ModuleType):
    """The part of the package wandb that a board talks to, with all that it is told."""

    def __init__(self):
        super().__init__('wandb')
        self.begun, self.points, self.axes, self.ended = [], [], [], 0

    def init(self, **about):
        self.begun.append(about)
        return self

    def define_metric(self, name, step_metric=None):
        self.axes.append((name, step_metric))

    def log(self, point):
        self.points.append(point)

    def finish(self):
        self.ended += 1


@pytest.fixture
def wandb(monkeypatch):
    module = StandIn()
    monkeypatch.setitem(sys.modules, 'wandb', module)
    return module


def drawn(run, update, **metrics):
    """Draws a line of metrics on the boards that the settings ask for, and closes them."""
    run.mkdir(exist_ok=True)
    log = MetricsLog(run, open_boards(tiny.config(*DRAWN), run, update - 1), lines=100)
    log.write(update, 'offline', metrics)
    log.draw(update, {'evaluation/mode_success': 0.25})
    log.close()


def test_weights_and_biases_get_the_metrics_evaluations_and_settings_of_a_run(tmp_path, wandb):
    drawn(tmp_path / 'arm7', 5, loss=1.5)
    (about,) = wandb.begun
    assert (about['project'], about['name'], about['config']['seed']) == ('arm', 'arm7', 3)
    assert about['config']['model.rssm.deter'] == 8 and about['dir'] == str(tmp_path / 'arm7')
    assert ('*', 'update') in wandb.axes
    assert wandb.points == [
        {'update': 5, 'loss': 1.5},
        {'update': 5, 'evaluation/mode_success': 0.25},
    ]
    assert wandb.ended == 1
    assert read_metrics(tmp_path / 'arm7')[0]['loss'] == 1.5


def test_a_resumed_run_goes_on_with_its_curves_and_another_has_its_own(tmp_path, wandb):
    drawn(tmp_path / 'one', 5)
    drawn(tmp_path / 'one', 6)
    drawn(tmp_path / 'two', 5)
    one, again, two = [about['id'] for about in wandb.begun]
    assert one == again != two
    assert all(about['resume'] == 'allow' for about in wandb.begun)


def test_nothing_is_imported_unless_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'wandb', None)
    assert open_boards(tiny.config(), tmp_path, 0) == []
    with pytest.raises(
        ConfigError, match="train.wandb is 'arm', but .* is not installed"
    ) as error:
        open_boards(tiny.config(*DRAWN), tmp_path, 0)
    assert 'pip install' in str(error.value) and len(str(error.value).splitlines()) == 1


def test_what_weights_and_biases_refuses_is_one_line(tmp_path, wandb, monkeypatch):
    def refuse(**about):
        raise RuntimeError('api_key not configured\n(no-tty)')

    monkeypatch.setattr(wandb, 'init', refuse)
    with pytest.raises(ConfigError, match='api_key not configured.*WANDB_MODE=offline') as error:
        open_boards(tiny.config(*DRAWN), tmp_path, 0)
    assert len(str(error.value).splitlines()) == 1


def test_tensorboard_gets_the_scalars(tmp_path):
    config = tiny.config('train.tensorboard=true')
    log = MetricsLog(tmp_path, open_boards(config, tmp_path, 0))
    log.write(1, 'offline', {'model/loss': 2.5})
    log.close()
    events = list((tmp_path / 'tensorboard').glob('events*'))
    assert len(events) == 1 and b'model/loss' in events[0].read_bytes()


@pytest.mark.slow  # starts a server of its own, and the package is in no extra of `make setup`
@pytest.mark.filterwarnings('default')
def test_the_real_package_keeps_a_run_and_its_resumption_offline(tmp_path, monkeypatch):
    pytest.importorskip('wandb')
    monkeypatch.setenv('WANDB_MODE', 'offline')
    monkeypatch.setenv('WANDB_SILENT', 'true')
    run = tmp_path / 'run'
    drawn(run, 5, loss=1.5)
    drawn(run, 6, loss=1.25)
    name = (run / 'wandb_id').read_text()
    kept = sorted((run / 'wandb').glob(f'offline-run-*-{name}'))
    assert len(kept) == 2
    assert all(
        b'evaluation/mode_success' in found.read_bytes() for found in run.glob('wandb/*/*.wandb')
    )
