"""The demonstration's folder: ours by its marker, kept, gone on with, never somebody else's."""

import json
import subprocess
import sys

import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError
from moto_learning.report.demo import run_stage
from moto_learning.report.demo_folder import MARKER, open_demo
from moto_learning.report.demo_stages import demo_stages
from moto_learning.run.checkpoints import latest_checkpoint
from tests.recorded import record

TINY = [
    'model.encoder.channels=[4, 4, 4, 4]',
    'model.rssm.deter=8',
    'replay.batch=2',
    'replay.length=4',
    'train.offline_updates=2',
    'train.threads=1',
]


def opened(out, overrides, resume):
    """Opens a demonstration's folder and gives it back; returns the settings."""
    demo = open_demo(out, overrides, resume)
    demo.lock.release()
    return demo.config


SAID = {'task': 'kitchen-kettle', 'seed': 4}
GIVEN = ['task=kitchen-kettle', 'seed=4']


def test_the_marker_is_written_first_with_task_seed_and_settings(tmp_path):
    config = opened(tmp_path / 'demo', GIVEN, resume=False)
    assert (config.task, config.seed) == ('kitchen-kettle', 4)
    stored = json.loads((tmp_path / 'demo' / MARKER).read_text())
    assert {name: stored[name] for name in SAID} == SAID
    assert stored['config']['demonstrations'] == 20
    assert {path.name for path in (tmp_path / 'demo').iterdir()} == {MARKER, 'LOCK'}


def test_an_empty_folder_is_taken(tmp_path):
    opened(tmp_path, GIVEN, resume=False)
    assert (tmp_path / MARKER).is_file()


@pytest.mark.parametrize('resume', [False, True])
def test_a_folder_with_anything_else_is_refused_and_left_as_it_is(tmp_path, resume):
    precious = tmp_path / 'precious'
    precious.mkdir()
    (precious / 'thesis.tex').write_text('words')
    with pytest.raises(ConfigError, match='no moto-demo.json'):
        opened(precious, GIVEN, resume)
    assert [path.name for path in tmp_path.iterdir()] == ['precious']
    assert [path.name for path in precious.iterdir()] == ['thesis.tex']


@pytest.mark.parametrize(
    'content', ['', '[]', '{}', '{"config": 3}', '{"config": {"tusk": 1}}', '[' * 100_000]
)
def test_a_file_of_the_markers_name_that_is_not_ours_marks_nothing(tmp_path, content):
    (tmp_path / 'demo').mkdir()
    (tmp_path / 'demo' / MARKER).write_text(content)
    for resume in (False, True):
        with pytest.raises(ConfigError, match="is damaged|unknown key 'tusk'"):
            opened(tmp_path / 'demo', GIVEN, resume)
    assert [path.name for path in tmp_path.iterdir()] == ['demo']


def test_an_earlier_demonstration_is_kept_under_another_name(tmp_path):
    out = tmp_path / 'demo'
    for seed in (4, 5, 6):
        opened(out, ['task=kitchen-kettle', f'seed={seed}'], resume=False)
    assert len(list(tmp_path.iterdir())) == 3
    seeds = {json.loads((path / MARKER).read_text())['seed'] for path in tmp_path.iterdir()}
    assert seeds == {4, 5, 6}
    assert json.loads((out / MARKER).read_text())['seed'] == 6


def test_the_current_folder_is_not_renamed_under_its_user(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for out in ('.', tmp_path, '../' + tmp_path.name):
        opened(tmp_path, GIVEN, resume=False) if out == '.' else None
        with pytest.raises(ConfigError, match='you are in it'):
            opened(type(tmp_path)(out), GIVEN, resume=False)
    assert opened(type(tmp_path)('.'), [], resume=True).seed == 4


def test_resume_takes_the_settings_it_began_with(tmp_path):
    began = opened(tmp_path / 'demo', [*GIVEN, 'episodes=3'], resume=False)
    assert opened(tmp_path / 'demo', [], resume=True) == began
    assert opened(tmp_path / 'demo', ['seed=4'], resume=True) == began


@pytest.mark.parametrize(
    ('override', 'says'),
    [
        ('task=kitchen-microwave', 'task is kitchen-kettle in this demonstration and cannot'),
        ('seed=5', 'seed is 4 in this demonstration and cannot become 5'),
        ('tusk=1', "unknown key 'tusk'. Did you mean 'task'"),
    ],
)
def test_resume_refuses_a_setting_that_contradicts(tmp_path, override, says):
    opened(tmp_path / 'demo', GIVEN, resume=False)
    before = (tmp_path / 'demo' / MARKER).read_text()
    with pytest.raises(ConfigError, match=says):
        opened(tmp_path / 'demo', [override], resume=True)
    assert (tmp_path / 'demo' / MARKER).read_text() == before


@pytest.mark.parametrize(
    ('override', 'says'),
    [
        ('demonstrations=0', 'demonstrations is 0; expected at least 1'),
        ('seed=-1', 'seed is -1'),
        (f'seed={2**30 - 2999}', 'at most 1073738824'),
        ('task=metaworld-door-open', "'metaworld-door-open' has no robot on ROS"),
        ('task=kitchen-microwav', "Did you mean 'microwave'"),
        ('profile=fast', "unknown profile.*'fast'"),
        ('profile=none', 'nothing moves without a guard'),
        ('preset=dmo', "Did you mean 'demo'"),
        ('train=[train.thread=1]', "Did you mean 'train.threads'"),
        ('round=[episods=1]', "Did you mean 'episodes'"),
    ],
)
def test_a_wrong_setting_makes_no_folder(tmp_path, override, says):
    with pytest.raises(ConfigError, match=says):
        opened(tmp_path / 'demo', [override], resume=False)
    assert not (tmp_path / 'demo').exists()


@pytest.mark.parametrize('resume', [False, True])
def test_a_folder_in_which_another_works_is_refused_and_left_as_it_is(tmp_path, resume):
    out = tmp_path / 'demo'
    demo = open_demo(out, GIVEN, resume=False)
    before = (out / MARKER).read_bytes()
    with pytest.raises(ConfigError, match='another moto-demo works in .*pid [0-9]+ on'):
        open_demo(out, GIVEN, resume)
    assert [path.name for path in tmp_path.iterdir()] == ['demo']
    assert (out / MARKER).read_bytes() == before
    demo.lock.release()
    opened(out, GIVEN, resume)


def test_a_setting_that_is_refused_gives_the_folder_back(tmp_path):
    opened(tmp_path / 'demo', GIVEN, resume=False)
    with pytest.raises(ConfigError, match='cannot become') as held:  # with all its frames
        open_demo(tmp_path / 'demo', ['seed=5'], resume=True)
    assert held.value.__traceback__ is not None
    opened(tmp_path / 'demo', [], resume=True)


def test_a_folder_that_was_left_before_its_marker_is_taken(tmp_path):
    (tmp_path / 'LOCK').write_text('')
    opened(tmp_path, GIVEN, resume=False)


def test_drives_that_are_learned_from_start_where_no_evaluation_does(tmp_path):
    config = opened(tmp_path / 'demo', ['seed=7'], resume=False)
    record(tmp_path / 'demo' / 'dataset', [3])
    stages = {stage.name: stage for stage in demo_stages(config, tmp_path / 'demo')}
    seeds = {
        name: int(word.removeprefix('seed:='))
        for name, stage in stages.items()
        if name != 'collect'  # it removes what an earlier one left
        for word in map(str, stage.arguments())
        if word.startswith('seed:=')
    }
    logged = dict.fromkeys(('first', 'rounds'), 2**30 + 1007)
    assert seeds == {'before': 1007, **logged, 'after': 1007, 'covered': 1007}
    film = list(map(str, stages['film'].arguments()))
    assert int(film[film.index('--seed') + 1]) == 1007


@pytest.mark.parametrize(
    ('given', 'done', 'counts'),
    [
        (['episodes=9', 'first=4'], 0, {'first': 4, 'rounds': 9}),
        (['episodes=9', 'first=4'], 3, {'first': 1, 'rounds': 6}),
        (['episodes=9', 'first=9'], 8, {'first': 1, 'rounds': 1}),
        (['episodes=9', 'first=0'], 0, {'rounds': 9}),
        (['episodes=1', 'first=5'], 0, {'rounds': 1}),
    ],
)
def test_the_robot_waits_for_its_first_round_after_as_many_episodes(tmp_path, given, done, counts):
    config = opened(tmp_path / 'demo', given, resume=False)
    record(tmp_path / 'demo' / 'dataset', [3])
    record(tmp_path / 'demo' / 'dataset', [3] * done, controller='policy')
    stages = {stage.name: stage for stage in demo_stages(config, tmp_path / 'demo')}
    assert ('first round' in stages) == ('first' in counts)
    for name, count in counts.items():
        words = list(map(str, stages[name].arguments()))
        assert f'episodes:={count}' in words
        assert ('policy.follow:=true' in words) == (name == 'rounds')


def test_stages_that_were_stopped_begin_anew_or_go_on(tmp_path, monkeypatch):
    """A collection is done again from nothing; a training goes on from its checkpoint."""
    for name in ('MUJOCO_GL', 'PYOPENGL_PLATFORM'):  # other tests choose for their own processes
        monkeypatch.delenv(name, raising=False)
    out = tmp_path / 'demo'
    given = ['demonstrations=1', f'train={json.dumps(TINY)}']
    config = opened(out, given, resume=False)
    (out / 'logs').mkdir()
    record(out / 'dataset', [3, 3])
    collect, train = demo_stages(config, out)[:2]
    run_stage(collect, out)
    assert len(Dataset.open(out / 'dataset').episodes()) == 1
    (out / 'train' / 'checkpoints' / '.00000002.new').mkdir(parents=True)  # killed in its first
    run_stage(train, out)
    assert latest_checkpoint(out / 'train').name == '00000002'
    run_stage(train, out)
    line = (out / 'logs' / 'train.log').read_text().splitlines()[0]
    assert '--resume' in line
    assert 'collect.max_steps=60' in line  # a candidate is tried as long as the robot drives


def test_a_folder_that_is_not_ours_is_one_line_of_the_command(tmp_path):
    (tmp_path / 'thesis.tex').write_text('words')
    result = subprocess.run(
        [sys.executable, '-m', 'moto_learning.commands.demo', '--out', '.'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("moto-demo: '.' holds files and no demonstration")
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.tex']


def test_a_learner_without_a_world_model_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigError, match="agent=bc; the report shows .* only 'moto' makes"):
        opened(tmp_path / 'demo', [*GIVEN, 'train=[agent=bc]'], resume=False)
    assert not (tmp_path / 'demo').exists()
