"""Evaluation: what is counted, what the policy sees, what is filmed, what the command writes."""

import json
from dataclasses import replace

import av
import numpy as np
import pytest

from moto_core.config import load_config, to_dict
from moto_core.errors import BundleError, ConfigError
from moto_core.policy.policy import OnnxPolicy, PolicyStep, ZeroPolicy
from moto_core.spec import CameraSpec, Setup
from moto_learning.agents.moto import MotoLearner
from moto_learning.agents.torch_policy import TorchPolicy
from moto_learning.commands import eval as command
from moto_learning.config import Config
from moto_learning.export.export import export_run
from moto_learning.report.video import VideoError, VideoWriter
from moto_learning.run.checkpoints import save_checkpoint
from moto_learning.run.evaluate import (
    Score,
    built_in,
    check_fits,
    evaluate,
    load_policy,
    summarize,
)
from moto_ros.chaos.tiny_bundle import SPEC, write_tiny_bundle
from moto_sim import tasks as real_tasks
from moto_sim.env import TaskEnv
from moto_sim.setups import choose_setup
from tests.learning import tiny_learner as tiny
from tests.recorded import record
from tests.sim.counting_task import CountingTask

SETUP = Setup(robot='counter', profile='slow')
LENGTH = 5


class SummingTask(CountingTask):
    """Succeeds at the second decision of every other episode; rewards are the actions' sums."""

    setup = SETUP

    def __init__(self):
        super().__init__(SPEC, LENGTH, at=2)

    def reset(self, rng):
        super().reset(rng)
        self.at = 2 if self.resets % 2 else 99

    def reward(self):
        return float(self.actions[-1].sum()) if self.t else 0.0

    def render(self, camera, height, width):
        return np.full((height, width, 3), 10 * self.t + 100, np.uint8)


def summing_env():
    return TaskEnv(SummingTask(), picture=(8, 12))


class Seeing:
    """Asks for 0.1 on every joint and notes what it saw."""

    hash = 'seeing'

    def __init__(self, spec=SPEC):
        self.spec, self.seen, self.started = spec, [], 0

    def initial(self):
        self.started += 1
        return {}

    def step(self, images, proprioception, state):
        self.seen.append(images['front'].copy())
        return PolicyStep(np.full(self.spec.action_size, 0.1, np.float32), 0.25, state)


@pytest.fixture
def tasks(monkeypatch):
    """The simulator's `tasks` with a task 'counting' more, and what it was asked to make."""
    made, others = [], real_tasks.make

    def make(task, setup=None, **options):
        if task != 'counting':
            return others(task, setup, **options)
        env = summing_env()
        env.task.setup = setup
        made.append((env, options))
        return env

    monkeypatch.setattr(real_tasks, 'make', make)
    return made


def frames_of(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return (
            stream.codec_context.name,
            stream.average_rate,
            [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)],
        )


def test_successes_returns_and_seeds_are_counted_per_episode():
    env, policy, heard = summing_env(), Seeing(), []
    scores = evaluate(env, policy, 3, seed=10, listener=heard.append)
    assert [score.seed for score in scores] == [10, 11, 12]
    assert [score.decisions for score in scores] == [LENGTH] * 3  # not its LENGTH + 1 rows
    assert [score.success for score in scores] == [True, False, True]
    assert [score.parts for score in scores] == [2, 0, 2]
    assert heard == scores
    assert policy.started == 3
    for score in scores:
        assert score.return_ == pytest.approx(LENGTH * 0.3)
        assert score.disagreement == pytest.approx(0.25)
        assert score.step_ms > 0


def test_episodes_end_at_the_given_number_of_decisions():
    env = summing_env()
    evaluate(env, Seeing(), 2, seed=0, max_steps=3)
    assert len(env.task.actions) == 2 * 3


def test_a_covered_camera_shows_black_and_an_open_one_what_is_there():
    covered, open_ = Seeing(), Seeing()
    evaluate(summing_env(), covered, 2, seed=0, cover_camera=True)
    evaluate(summing_env(), open_, 2, seed=0)
    assert len(covered.seen) == len(open_.seen) >= 2 * LENGTH
    assert all((image == 0).all() and image.dtype == np.uint8 for image in covered.seen)
    assert [image[0, 0, 0] for image in open_.seen[:LENGTH]] == [100, 110, 120, 130, 140]


def test_a_summary_holds_counts_an_interval_and_means():
    scores = [Score(seed, 10 + seed, float(seed), seed < 8, 0.5, 1.0) for seed in range(10)]
    found = summarize(scores)
    assert (found['success']['k'], found['success']['n']) == (8, 10)
    # Wilson: (0.8 + 1.96^2 / 20 -+ 1.96 sqrt(0.016 + 1.96^2 / 400)) / (1 + 1.96^2 / 10)
    assert found['success']['low'] == pytest.approx(0.4902, abs=1e-3)
    assert found['success']['high'] == pytest.approx(0.9433, abs=1e-3)
    assert (found['return'], found['decisions']) == (4.5, 14.5)
    assert json.loads(json.dumps(found))['episodes'][3]['return_'] == 3.0


def test_a_video_holds_every_frame_as_h264_at_the_rate_of_decisions(tmp_path):
    with VideoWriter(tmp_path / 'sub' / 'v.mp4', 12.5, height=64) as video:
        evaluate(summing_env(), Seeing(), 2, seed=0, cover_camera=True, film=video.add)
    codec, rate, frames = frames_of(tmp_path / 'sub' / 'v.mp4')
    assert (codec, float(rate), len(frames)) == ('h264', 12.5, video.frames)
    assert frames[0].shape == (64, 96, 3)
    for frame, value in zip(frames, (100, 110, 120, 130, 140)):  # not covered
        assert abs(frame.astype(int) - value).max() <= 3


def test_a_video_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(VideoError, match='cannot write the video.*file/v.mp4'):
        VideoWriter(tmp_path / 'file' / 'v.mp4', 10)
    with VideoWriter(tmp_path / 'v.mp4', 10) as video:
        video.add(np.zeros((8, 8, 3), np.uint8))
        with pytest.raises(VideoError, match='expected 240 x 240, as the first'):
            video.add(np.zeros((8, 16, 3), np.uint8))


def test_a_video_is_there_once_it_is_whole(tmp_path):
    path = tmp_path / 'v.mp4'
    path.write_text('what was there')
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, 10) as video:
        video.add(np.zeros((8, 8, 3), np.uint8))
        raise KeyboardInterrupt
    assert path.read_text() == 'what was there'
    with VideoWriter(path, 10):
        pass  # no frame: no video
    assert path.read_text() == 'what was there'
    with VideoWriter(path, 10) as video:
        video.add(np.zeros((8, 8, 3), np.uint8))
        assert path.read_text() == 'what was there'
    assert len(frames_of(path)[2]) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('left', [False, True])
def test_a_video_on_a_full_disk_leaves_nothing(tmp_path, left):
    class Full:
        def close(self):
            raise OSError(28, 'No space left on device')

    expected = KeyboardInterrupt if left else VideoError
    with pytest.raises(expected) as failed, VideoWriter(tmp_path / 'v.mp4', 10) as video:
        video.add(np.zeros((8, 8, 3), np.uint8))
        video._container.close()
        video._unfinished.touch()
        video._container, video._write = Full(), lambda frame: None
        if left:
            raise KeyboardInterrupt
    assert left or 'No space left on device' in str(failed.value)
    assert list(tmp_path.iterdir()) == []


def test_policies_are_found_by_folder_by_file_and_by_name(tmp_path):
    bundle = write_tiny_bundle(tmp_path)
    (tmp_path / 'current').write_text(f'{bundle}\n')
    for name in (bundle, tmp_path / 'current'):
        assert isinstance(load_policy(str(name)).policy, OnnxPolicy)
    agent = MotoLearner(
        load_config(
            Config,
            {
                'model': {
                    'encoder': {'channels': [2], 'kernel': 2},
                    'rssm': {'deter': 4, 'hidden': 4},
                }
            },
        ),
        SPEC,
    )
    meta = {'updates': 1, 'setup': to_dict(SETUP)}
    save_checkpoint(tmp_path / 'run', agent.state_dict(), {}, agent.config, SPEC, meta)
    for name in ('run', 'run/checkpoints/00000001'):
        loaded = load_policy(str(tmp_path / name))
        assert isinstance(loaded.policy, TorchPolicy) and loaded.setup == SETUP
    assert load_policy('scripted') is None


def test_a_policy_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with pytest.raises(ConfigError, match="unknown policy 'scriptd'. Did you mean 'scripted'"):
        load_policy('scriptd')
    with pytest.raises(BundleError, match='missing: encoder.onnx'):
        load_policy(str(tmp_path))


@pytest.mark.parametrize(
    'content',
    [
        b'root:x:0:0:secret:/root\n',
        b'/gone/secret',
        b'.\nsecret\n',
        b'',
        b'\n',
        b'\xff\xfesecret',
        b'/\0secret',
        b'secret' * 100,
        b'/' * 5000,
    ],
)
def test_a_file_that_names_no_folder_is_refused_and_not_shown(tmp_path, content, capsys):
    (tmp_path / 'name').write_bytes(content)
    with pytest.raises(ConfigError, match="/name' is a file; expected .* one line") as error:
        load_policy(str(tmp_path / 'name'))
    assert command.main(['--policy', str(tmp_path / 'name'), '--task', 'counting']) == 2
    assert 'secret' not in str(error.value) + capsys.readouterr().err
    assert error.value.__context__ is None


def test_only_the_beginning_of_a_file_is_read(tmp_path):
    with (tmp_path / 'name').open('wb') as stream:
        stream.truncate(1 << 40)
    with pytest.raises(ConfigError, match="/name' is a file; expected"):
        load_policy(str(tmp_path / 'name'))


def test_the_same_seeds_meet_the_same_starts():
    env = real_tasks.make('kitchen-microwave', size=8)
    starts = []
    for _ in range(2):
        policy = Seeing(env.spec)
        evaluate(env, policy, 2, seed=3, max_steps=1)
        starts.append(policy.seen)
    assert all(np.array_equal(a, b) for a, b in zip(*starts))
    assert not np.array_equal(starts[0][0], starts[0][2])


def test_built_in_policies_have_the_tasks_spec():
    env = summing_env()
    assert isinstance(built_in('zero', env, 0), ZeroPolicy)
    assert built_in('random', env, 0).spec == SPEC
    check_fits(built_in('zero', env, 0), SPEC)


def test_the_command_evaluates_films_and_writes_json(tasks, tmp_path, capsys):
    bundle = write_tiny_bundle(tmp_path)
    out, video = tmp_path / 'out' / 'e.json', tmp_path / 'e.mp4'
    assert (
        command.main(
            [
                '--policy',
                str(bundle),
                '--task',
                'counting',
                '--episodes',
                '4',
                '--json',
                str(out),
                '--video',
                str(video),
                '--max-steps',
                '7',
            ]
        )
        == 0
    )
    result = json.loads(out.read_text())
    assert (result['success']['k'], result['success']['n']) == (2, 4)
    assert [episode['seed'] for episode in result['episodes']] == [1000, 1001, 1002, 1003]
    assert (result['hash'], result['task'], result['camera_covered']) == (
        bundle.name,
        'counting',
        False,
    )
    assert len(frames_of(video)[2]) >= 4 * LENGTH
    env, options = tasks[0]
    assert env.task.closed and env.setup == choose_setup('counting')
    assert options == {'size': 4, 'seed': 1000, 'max_steps': 7, 'proprioception': []}
    assert '2 of 4' in capsys.readouterr().out


def test_the_command_covers_the_camera_and_leaves_the_guard_out(tasks, tmp_path):
    bundle = write_tiny_bundle(tmp_path)
    for name, flags in (('covered', ['--cover-camera']), ('open', [])):
        assert (
            command.main(
                [
                    '--policy',
                    str(bundle),
                    '--task',
                    'counting',
                    '--profile',
                    'none',
                    '--json',
                    str(tmp_path / name),
                    *flags,
                ]
            )
            == 0
        )
    covered, open_ = (json.loads((tmp_path / name).read_text()) for name in ('covered', 'open'))
    assert covered['camera_covered'] and not open_['camera_covered']
    assert covered['disagreement'] == 0 < open_['disagreement']  # |embed| of the tiny bundle
    assert tasks[0][0].setup.profile == ''


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--policy', 'zero', '--task', 'cooking'], "unknown task 'cooking'"),
        (['--policy', 'nothing', '--task', 'counting'], "unknown policy 'nothing'"),
        (['--policy', 'zero', '--task', 'counting', '--episodes', '0'], 'argument --episodes'),
        (['--policy', 'zero', '--task', 'counting', '--max-steps', '-1'], 'argument --max-steps'),
        (['--policy', 'random', '--task', 'counting', '--seed', '-1'], 'argument --seed'),
        (['--policy', 'zero', '--task', 'counting', '--seed', str(2**30)], 'learned from'),
        (
            [
                '--policy',
                'zero',
                '--task',
                'counting',
                '--seed',
                str(2**30 - 1),
                '--episodes',
                '2',
            ],
            'end at seed 1073741824; expected below 1073741824',
        ),
        (
            ['--policy', 'zero', '--task', 'counting', '--json', 'e.mp4', '--video', './e.mp4'],
            "--json and --video both name 'e.mp4'",
        ),
        (['--policy', 'zero', '--task', 'counting', '--json', '/proc/no/e.json'], 'cannot write'),
        (['--policy', 'zero', '--task', 'counting', '--video', '/proc/no/e.mp4'], 'cannot write'),
        (['--policy', 'zero', '--task', 'counting', '--video', 'e.gif'], 'ends in .mp4'),
    ],
)
def test_the_command_ends_with_2_and_one_line_where_it_cannot(tasks, capsys, arguments, message):
    assert command.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith('moto-eval: ') and message in error and error.count('\n') == 1


def test_the_command_refuses_a_policy_for_another_robot(tasks, tmp_path, capsys):
    cameras = {'front': CameraSpec(height=8, width=8)}
    bundle = write_tiny_bundle(tmp_path, replace(SPEC, cameras=cameras))  # 3 joints at 12.5 Hz
    assert command.main(['--policy', str(bundle), '--task', 'metaworld-door-open']) == 2
    error = capsys.readouterr().err
    assert 'rate: policy has 12.5, robot has 40.0' in error and 'hand_x' in error


@pytest.mark.parametrize('task', ['kitchen-microwave', 'kitchen-kettle'])
def test_a_task_that_the_policy_did_not_learn_is_said(tmp_path, capsys, task):
    record(tmp_path / 'data', [2], task=task)
    run = tiny_run(tmp_path / 'run', Setup(), data=[str(tmp_path / 'data')])
    evaluated(tmp_path, '--policy', str(run))
    said = (
        f"warning: the policy learned {task}, not 'kitchen-microwave'" in capsys.readouterr().err
    )
    assert said is (task == 'kitchen-kettle')


def tiny_run(folder, setup, data=()):
    """A run of an untrained agent for the Kitchen's arm that learned under a setup."""
    env = real_tasks.make('kitchen-microwave', size=8)
    agent = MotoLearner(tiny.config(), env.spec)
    meta = {'updates': 1, 'setup': to_dict(setup), 'data': [*data]}
    save_checkpoint(folder, agent.state_dict(), {}, agent.config, env.spec, meta)
    return folder


def evaluated(tmp_path, *arguments):
    out = tmp_path / 'e.json'
    run = ['--task', 'kitchen-microwave', '--episodes', '1', '--max-steps', '2']
    assert command.main([*run, '--json', str(out), *arguments]) == 0
    return load_config(Setup, json.loads(out.read_text())['setup'])


def test_the_setup_is_the_policys_and_a_difference_is_said_in_a_line(tmp_path, capsys):
    learned = Setup(robot='kitchen_sim', actuation='d4rl', views={'front': 'paper'})
    run = tiny_run(tmp_path / 'run', learned)
    assert evaluated(tmp_path, '--policy', str(run)) == learned
    assert capsys.readouterr().err == ''
    found = evaluated(tmp_path, '--policy', str(run), '--actuation', 'hold', '--view', 'wide')
    assert found == Setup(robot='kitchen_sim', views={'front': 'wide'})
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and 'warning' in error
    assert "actuation 'd4rl' and none; views front=paper and front=wide" in error


def test_a_policy_of_an_unknown_setup_runs_under_the_tasks_own(tmp_path, capsys):
    run = tiny_run(tmp_path / 'run', Setup())
    assert evaluated(tmp_path, '--policy', str(run)) == choose_setup('kitchen-microwave')
    assert evaluated(tmp_path, '--policy', str(run), '--profile', 'none').profile == ''
    assert capsys.readouterr().err == ''


def test_a_bundle_keeps_the_setup_of_the_run_that_it_was_exported_from(tmp_path):
    learned = Setup(robot='kitchen_sim', profile='commissioning')
    done = export_run(tiny_run(tmp_path / 'run', learned), tmp_path / 'bundles')
    assert load_policy(str(done.path)).setup == learned
