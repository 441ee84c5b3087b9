"""moto-sweep with real processes: side by side, stopped, killed, gone on with."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from moto_core.config import load_config, to_yaml
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.reader import read_header
from moto_core.errors import ConfigError
from moto_learning.commands import data, sweep_run, sweep_standing, train
from moto_learning.commands.sweep import _parser, main
from moto_learning.commands.sweep_plan import make_plan, recipe_of, unfinished_folder
from moto_learning.commands.sweep_standing import check_same
from moto_learning.config import Config
from moto_learning.data.recipe import Recipe
from moto_learning.run.checkpoints import load_checkpoint
from moto_learning.run.heldout import read_evaluations
from moto_learning.run.journal import read_journal
from tests.learning.run.saving import flip
from tests.recorded import record
from tests.test_help_examples import TINY

pytest.importorskip('mujoco')

ROOT = Path(__file__).parents[3]
TASK = 'kitchen-microwave'
SHORT = [
    *TINY,
    'collect.max_steps=3',
    'evaluate.every=1',
    'evaluate.episodes=2',
    'train.tensorboard=false',
]


def line(out, *more):
    own = str(ROOT / 'config' / 'train' / 'rows' / 'no_bc.yaml')  # as a file of one's own is given
    rows = ('--rows', 'moto', own, '--seeds', '0', '1')
    return ['--tasks', TASK, '--demonstrations', '1', *rows, '--jobs', '2', *more, '--out', out]


@pytest.fixture(scope='module')
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp('sweep') / 'out'
    assert main([*line(str(out)), *SHORT]) == 0
    return out


def test_a_sweep_is_a_run_of_each_task_row_and_seed_with_its_settings(swept):
    found = {}
    for row in ('moto', 'no_bc'):
        for seed in (0, 1):
            run = swept / TASK / row / f'seed{seed}'
            config = load_checkpoint(run).config
            found[row, seed] = (config.actor_critic.actor.beta, config.seed, config.train.threads)
            assert [one.episodes for one in read_evaluations(run)] == [0, 1]
    assert found == {
        ('moto', 0): (10, 0, 1),
        ('moto', 1): (10, 1, 1),
        ('no_bc', 0): (0, 0, 1),
        ('no_bc', 1): (0, 1, 1),
    }


def test_the_summary_counts_the_successes_of_all_seeds(swept):
    summary = json.loads((swept / 'sweep.json').read_text())
    assert [(one['row'], one['episodes'], one['success']['n']) for one in summary] == [
        ('moto', 0, 4),
        ('moto', 1, 4),
        ('no_bc', 0, 4),
        ('no_bc', 1, 4),
    ]
    assert all(one['seeds'] == [0, 1] and len(one['by_seed']) == 2 for one in summary)


def test_a_finished_sweep_starts_nothing_and_more_episodes_go_on(swept, capsys):
    before = {path: path.stat().st_mtime_ns for path in swept.glob(f'{TASK}/*/*/run.log')}
    assert main([*line(str(swept)), *SHORT]) == 0
    assert '4 of 4 runs are finished' in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in before}
    one = line(str(swept), '--rows', 'moto', '--seeds', '1')
    more = ['train.online_episodes=2', 'train.milestone_episodes=[0, 2]']
    assert main([*one, *SHORT, *more]) == 0
    run = swept / TASK / 'moto' / 'seed1'
    assert [one.episodes for one in read_evaluations(run)] == [0, 1, 2]
    assert load_checkpoint(run).meta['kept']
    capsys.readouterr()
    summary = json.loads((swept / 'sweep.json').read_text())
    assert [(one['row'], one['episodes'], one['seeds']) for one in summary] == [
        ('moto', 0, [0, 1]),
        ('moto', 1, [0, 1]),
        ('moto', 2, [1]),
        ('no_bc', 0, [0, 1]),  # what was not asked for now is there all the same
        ('no_bc', 1, [0, 1]),
    ]


@pytest.mark.parametrize('every, said', [(0, 1), (3, 0)])
def test_a_sweep_that_never_evaluates_says_so_with_the_setting(
    tmp_path, monkeypatch, capsys, every, said
):
    monkeypatch.setattr(sweep_run, '_collect', lambda *_: None)
    monkeypatch.setattr(sweep_run, '_run', lambda *_: [])
    words = ['--tasks', TASK, '--out', str(tmp_path), f'evaluate.every={every}']
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert 'no policy of these runs was evaluated yet' in printed and 'interval' not in printed
    found = [line for line in printed.splitlines() if 'evaluate.every' in line]
    assert len(found) == said and all('Add evaluate.every=50' in line for line in found)


def test_a_run_that_was_stopped_in_its_last_evaluation_makes_it(swept, capsys):
    run = swept / TASK / 'no_bc' / 'seed0'
    whole = (run / 'evaluations.jsonl').read_bytes()
    (run / 'evaluations.jsonl').write_bytes(whole.splitlines(keepends=True)[0])
    assert main([*line(str(swept)), *SHORT]) == 0
    assert '3 of 4 runs are finished' in capsys.readouterr().out
    assert [one.episodes for one in read_evaluations(run)] == [0, 1]


def test_a_setting_is_for_the_row_that_reads_it_and_for_none_it_is_refused(tmp_path, capsys):
    one = line(str(tmp_path / 'sweep'), '--rows', 'bc')
    assert main([*one, 'latent.alpha=1']) == 2
    assert "'latent.alpha=1.0' changes nothing: 'bc' does not read it" in capsys.readouterr().err
    words = line(str(tmp_path / 'sweep'), '--rows', 'bc', 'lompo')
    plan = make_plan(_parser().parse_intermixed_args([*words, 'latent.alpha=1']))
    assert {cell.row: made.latent.alpha for cell, made in plan.cells.items()} == {
        'bc': 1.0,
        'lompo': 1.0,
    }


OWN_ROW = '{actor_critic: {actor: {beta: 1}}}'


@pytest.mark.parametrize(
    'words, says',
    [
        (['--rows', 'no_bc.yaml'], 'no_bc/seed0: actor_critic.actor.beta 0.0 and 1.0; '),
        (['--seeds', '7', '--jobs', '1', 'replay.batch=3'], 'moto/seed0: replay.batch 2 and 3; '),
        (['--demonstrations', '2'], f'{TASK}: demonstrations 1 and 2. Give it what it began'),
        (['--view', 'paper'], f"{TASK}: recipe view '' and 'paper'. "),
        (['replay.batch=3', '--rows', 'bc'], 'moto/seed0: replay.batch 2 and 3; '),
        (['train.episode_updates=7', 'replay.length=3', 'replay.batch=3'], ' and 8 more. '),
    ],
)
def test_a_sweep_goes_on_with_nothing_but_what_it_began_with(
    swept, tmp_path, words, says, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'no_bc.yaml').write_text(OWN_ROW)
    before = sorted(swept.rglob('*'))
    assert main([*line(str(swept)), *SHORT, *words]) == 2
    said = capsys.readouterr().err
    assert 'was begun otherwise' in said and says in said and said.count('\n') == 1
    assert sorted(swept.rglob('*')) == before


def test_a_row_that_has_changed_since_is_gone_on_with_by_a_file_of_ones_own(
    swept, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'moto.yaml').write_text(
        '{model: {reward_scale: 3}}'
    )  # as if it were the program's
    words = ['--tasks', TASK, '--demonstrations', '1', '--out', str(swept), *SHORT, '--rows']
    assert main([*words, 'moto.yaml']) == 2
    said = capsys.readouterr().err
    assert 'moto/seed0: model.reward_scale ' in said and ' and 3.0; ' in said
    assert (
        "if it is config/train/rows/moto.yaml that has changed since: '--rows moto.yaml'" in said
    )
    shipped = ROOT / 'config' / 'train' / 'rows' / 'moto.yaml'
    (tmp_path / 'moto.yaml').write_bytes(shipped.read_bytes())  # what it was
    check_same(make_plan(_parser().parse_intermixed_args([*words, 'moto.yaml'])), swept)


def test_a_damaged_run_is_named_with_its_reason_and_the_others_go_on(swept, tmp_path, capsys):
    out = tmp_path / 'out'
    shutil.copytree(swept, out)
    for path in out.glob(f'{TASK}/moto/seed0/checkpoints/*/state.pt'):
        flip(path)
    more = ['train.online_episodes=3']
    assert main([*line(str(out), '--rows', 'moto'), *SHORT, *more]) == 1
    said = capsys.readouterr().out
    assert f'{TASK} moto seed 0: failed, see ' in said and 'is damaged' in said
    assert [one.episodes for one in read_evaluations(out / TASK / 'moto' / 'seed1')][-1] == 3


def planned(*words):
    """The plan of a command line."""
    return make_plan(_parser().parse_intermixed_args([*words, *SHORT]))


def test_a_recipe_and_a_setup_reach_the_demonstrations_of_their_tasks(tmp_path):
    words = ['--tasks', 'kitchen-mixed', TASK, '--recipes', 'kitchen-mixed', '--view', 'near']
    words += ['--proprioception', 'velocity', '--out', str(tmp_path)]
    recipes = planned(*words).recipes
    mixed, plain = recipes['kitchen-mixed'], recipes[TASK]
    assert len(mixed.groups) == 24 and (mixed.actuation, mixed.view) == ('d4rl', 'near')
    assert plain == Recipe(task=TASK, view='near', proprioception=['velocity'])
    bare = planned('--tasks', TASK, '--proprioception', '--out', str(tmp_path))
    assert bare.recipes[TASK].demonstrations().proprioception == ()


def test_a_collection_that_was_killed_goes_on_and_is_renamed_when_it_is_whole(tmp_path):
    words = ['--tasks', TASK, '--demonstrations', '2', '--actuation', 'd4rl', '--view', 'paper']
    plan = planned(*words, '--out', str(tmp_path))
    new = unfinished_folder(tmp_path, TASK)
    recipe = recipe_of(new)
    recipe.parent.mkdir()
    recipe.write_text(to_yaml(plan.recipes[TASK]))
    assert (
        data.main(['collect', '--recipe', str(recipe), '--episodes', '1', '--out', str(new)]) == 0
    )
    (first,) = Dataset.open(new).episodes()
    check_same(plan, tmp_path)
    sweep_run._collect(TASK, plan, tmp_path, Console(), [])
    dataset = Dataset.open(tmp_path / 'data' / TASK)
    one, two = dataset.episodes()
    assert one.id == first.id and not new.exists() and not recipe.exists()
    assert load_config(Recipe, tmp_path / 'data' / f'{TASK}.yaml') == plan.recipes[TASK]
    assert read_header(one.path).seed != read_header(two.path).seed
    setup = dataset.setup
    assert (setup.actuation, setup.views) == ('d4rl', {'front': 'paper'})


def test_a_recording_that_another_version_began_is_refused_and_says_what_to_do(tmp_path):
    new = unfinished_folder(tmp_path, TASK)
    collect = ['collect', '--task', TASK, '--episodes', '1', '--out', str(new)]
    assert data.main(collect) == 0  # its episodes have no numbers
    plan = planned('--tasks', TASK, '--out', str(tmp_path))
    with pytest.raises(ConfigError, match='another version.*Delete the folder'):
        check_same(plan, tmp_path)
    (tmp_path / 'data' / TASK).mkdir()  # whole data of one's own: the rest is not looked at
    plan = planned('--tasks', TASK, '--out', str(tmp_path), '--demonstrations', '9')
    with pytest.raises(ConfigError, match='demonstrations 0 and 9'):
        check_same(plan, tmp_path)


def test_data_whose_setup_is_not_known_is_said_to_be_so(tmp_path):
    record(tmp_path / 'data' / TASK, [2])
    plan = planned('--tasks', TASK, '--out', str(tmp_path), '--demonstrations', '1')
    with pytest.raises(ConfigError, match="setup not known and {'robot': 'kitchen_sim', "):
        check_same(plan, tmp_path)


@pytest.fixture
def begun(swept, tmp_path):
    """The folder of a sweep that has its demonstrations and no run yet."""
    out = tmp_path / 'out'
    shutil.copytree(swept / 'data', out / 'data')
    return out


def test_data_of_ones_own_is_used_if_it_is_what_is_asked_for_and_said_to_be(begun, capsys):
    (begun / 'data' / f'{TASK}.yaml').unlink()
    words = ['--tasks', TASK, '--out', str(begun), '--demonstrations']
    plan = planned(*words, '1')
    check_same(plan, begun)
    check_same(planned(*words, '1', '--proprioception', '--jobs', '1'), begun)  # they have none
    sweep_run._collect(TASK, plan, begun, Console(), [])
    assert 'is used as it is' in capsys.readouterr().out.replace('\n', ' ')
    for more, says in (
        (['2'], f'{TASK}: demonstrations 1 and 2'),
        (['1', '--view', 'paper'], f'{TASK}: setup views .* and .*paper'),
        (
            ['1', '--proprioception', 'velocity', '--jobs', '1'],
            f'{TASK}: proprioception .*velocity',
        ),
    ):
        with pytest.raises(ConfigError, match=says):
            check_same(planned(*words, *more), begun)


def test_what_was_asked_before_anything_was_recorded_binds_nobody(tmp_path, monkeypatch):
    words = ['--tasks', TASK, '--out', str(tmp_path)]
    plan = planned(*words)
    monkeypatch.setattr(subprocess, 'run', lambda *_, **__: 1 / 0)  # killed at once
    with pytest.raises(ZeroDivisionError):
        sweep_run._collect(TASK, plan, tmp_path, Console(), [])
    assert [path.name for path in (tmp_path / 'data').iterdir()] == [f'.{TASK}.new.yaml']
    check_same(planned(*words, '--view', 'paper'), tmp_path)


def test_a_run_is_started_by_the_settings_that_were_planned(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(subprocess, 'Popen', lambda line, **_: lines.append(line))
    preset = tmp_path / 'own.yaml'
    preset.write_text('{replay: {batch: 5}, train: {milestone_episodes: [3, 4]}}')
    words = ['--tasks', TASK, '--config', str(preset), '--seeds', '3', '--out', str(tmp_path)]
    plan = make_plan(_parser().parse_intermixed_args([*words, 'train.online_episodes=4']))
    preset.write_text('replay: {batch: 6}')  # while other runs train
    ((cell, config),) = plan.cells.items()
    sweep_run._start(cell, config, tmp_path, sweep_run._launch)
    given = load_config(Config, lines[0][lines[0].index('--config') + 1])
    assert (given.replay.batch, given.seed, given.train.threads) == (5, 3, 1)
    folder = cell.folder(tmp_path) / 'checkpoints'
    (folder / '.00000003.new').mkdir(parents=True)  # killed in the first save: begun anew
    sweep_run._start(cell, config, tmp_path, sweep_run._launch)
    assert lines[1] == lines[0]
    (folder / '00000003').mkdir()
    sweep_run._start(cell, config, tmp_path, sweep_run._launch)
    milestones = ['train.milestone_updates=[]', 'train.milestone_episodes=[3, 4]']
    words = ['--resume', str(cell.folder(tmp_path)), 'train.online_episodes=4', *milestones]
    assert lines[2][-5:] == words


def ended_by(number, out, words, runs):
    """Sends a sweep of long runs a signal once so many train; returns its code and what it said.

    By then none of its processes is left.
    """
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'moto_learning.commands.sweep',
            *words,
            'train.online_episodes=9999',  # the one setting that may change
        ],
        env={**os.environ, 'PYTHONPATH': f'{ROOT}:{ROOT / "sim"}'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 90
    while sum(path.stat().st_size > 0 for path in out.glob(f'{TASK}/*/*/metrics.jsonl')) < runs:
        assert time.monotonic() < end
        time.sleep(0.1)
    locks = list(out.glob(f'{TASK}/*/*/LOCK'))
    pids = [lock.read_text().split()[1] for lock in locks]  # 'pid 123 ...'
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    while any(Path(f'/proc/{pid}').exists() for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert len(pids) == runs
    return process.returncode, said


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_or_killed_sweep_leaves_no_process(begun, number):
    words = [*line(str(begun), '--rows', 'moto', '--seeds', '0'), *SHORT]
    code, said = ended_by(number, begun, words, runs=1)
    if number == signal.SIGINT:
        assert code == 130 and 'the same command goes on' in said
        assert load_checkpoint(begun / TASK / 'moto' / 'seed0').meta['updates'] > 0
    else:
        assert code == -signal.SIGKILL


@pytest.mark.slow  # two more runs each, begun and ended again
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_or_killed_sweep_goes_on(begun, number):
    words = [*line(str(begun), '--rows', 'moto'), *SHORT]
    ended_by(number, begun, words, runs=2)
    runs = [begun / TASK / 'moto' / f'seed{seed}' for seed in (0, 1)]
    more = 1 + max(len(read_journal(run)) for run in runs)
    assert main([*words, f'train.online_episodes={more}']) == 0
    for run in runs:
        assert [one.episodes for one in read_evaluations(run)] == list(range(more + 1))


def test_a_run_that_fails_is_named_with_its_reason_and_the_others_go_on(begun, capsys):
    out = begun
    (out / TASK / 'moto' / 'seed0').mkdir(parents=True)
    (out / TASK / 'moto' / 'seed0' / 'LOCK').mkdir()
    assert main([*line(str(out), '--rows', 'moto'), *SHORT]) == 1
    said = capsys.readouterr().out
    assert f'{TASK} moto seed 0: failed, see ' in said and 'LOCK' in said
    assert len(list(out.glob(f'{TASK}/*/*/checkpoints'))) == 1


@pytest.mark.parametrize(
    'words, says',
    [
        (['--rows', 'no_bcc'], "Did you mean 'no_bc'"),
        (['--tasks', 'kitchen-microwav'], "Did you mean 'microwave'"),
        (['--config', 'lapto'], "Did you mean 'laptop'"),
        (['train.offline_update=3'], "Did you mean 'train.offline_updates'"),
        (['--jobs', '0'], '--jobs 0'),
        (['seed=3'], "'seed=3' is no setting of a whole sweep; use --seeds"),
        (['--recipes', 'kitchen-mxed'], "Did you mean 'kitchen-mixed'"),
        (['--recipes', 'kitchen-mixed'], "is of 'kitchen-mixed', which is not among --tasks"),
        (
            ['--tasks', 'kitchen-mixed', '--recipes', 'kitchen-mixed', 'kitchen-mixed'],
            "two of --recipes are of 'kitchen-mixed'",
        ),
        (['--view', 'papre'], "Did you mean 'paper'"),
        (['--actuation', 'd4rl', '--profile', 'normal'], 'cannot be guarded'),
    ],
)
def test_a_mistake_is_one_line_before_anything_starts(tmp_path, words, says, capsys):
    assert main([*line(str(tmp_path / 'out')), *words]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_two_rows_of_one_name_are_refused_with_both(tmp_path, capsys):
    own = tmp_path / 'moto.yaml'
    own.write_text('seed: 1')
    assert main([*line(str(tmp_path / 'out'), '--rows', 'moto', str(own))]) == 2
    assert f"the rows 'moto' and '{own}' have one name, 'moto'" in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_a_run_that_was_fine_tuned_by_hand_is_finished_all_the_same(swept, tmp_path, capsys):
    out = shutil.copytree(swept, tmp_path / 'out')
    run = str(out / TASK / 'moto' / 'seed1')
    assert train.main(['--resume', run, '--phase', 'finetune', 'train.finetune_updates=2']) == 0
    capsys.readouterr()
    assert main([*line(str(out)), *SHORT]) == 0
    assert '4 of 4 runs are finished' in capsys.readouterr().out


@pytest.mark.parametrize('agent, differ', [('bc', False), ('moto', True)])
def test_what_the_agent_of_a_run_does_not_read_is_no_difference(agent, differ):
    now = load_config(Config, {'agent': agent})
    before = load_config(Config, {'agent': agent}, overrides=['actor_critic.penalty.alpha=2'])
    found = ['actor_critic.penalty.alpha 2.0 and 10.0'] if differ else []
    assert sweep_standing._differences(before, now) == found


def test_a_log_that_is_gone_or_long_is_no_matter_for_the_sweep(tmp_path):
    log = tmp_path / 'run.log'
    assert sweep_run._last_line(log) == ''
    log.write_text('first\n' * sweep_run.TAIL + 'last\n\n')
    assert sweep_run._last_line(log) == 'last'
