"""Demonstrations as moto-demo leaves them, written in a moment: known outcomes, tiny networks.

Outcomes are texts, a letter an episode: s success, f failure, u unlabelled.
"""

import json

import numpy as np

from moto_core.config import to_dict
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.policy.name_file import write_name
from moto_core.row import Row
from moto_core.spec import Spec
from moto_learning.report.demo_drives import Driven
from moto_learning.report.demo_folder import MARKER, DemoConfig, write_json
from moto_learning.report.guard_changes import Rows
from moto_learning.report.video import VideoWriter
from moto_learning.rounds.journal import Round, append_round, write_about
from moto_ros.chaos.tiny_bundle import encoder_onnx, policy_onnx, selftest, write_tiny_bundle
from tests.learning import tiny_learner as tiny
from tests.learning.report import written_run

OUTCOMES = {'s': 'success', 'f': 'failure', 'u': 'unlabelled'}
FIRST = 2**30 + 1000  # seed of the first held-out start
ROWS = 9
TASK = 'kitchen-microwave'
PAIR = Spec(joints=['a'], gripper=['g'], action_scale=[2.0, 0.5])


def bundles(out, count, threshold=0.5):
    """Writes bundles and the name-file; returns their hashes."""
    networks = {'encoder': encoder_onnx(tiny.spec()), 'policy': policy_onnx(tiny.spec())}
    networks['selftest'] = selftest(tiny.spec())
    made = [
        write_tiny_bundle(
            out / 'bundles',
            spec=tiny.spec(),
            manifest_training={'seed': seed},
            manifest_disagreement_threshold=threshold,
            **networks,
        )
        for seed in range(count)
    ]
    write_name(out / 'bundles' / 'use', made[-1])
    return [one.name for one in made]


def drive(out, name, outcomes, bundle, seed=FIRST, rows=ROWS, recorded=True):
    """Writes what moto-up leaves of a drive; `bundle` is a hash, or one for each episode."""
    hashes = [bundle] * len(outcomes) if isinstance(bundle, str) else list(bundle)
    data = out / ('dataset' if name in ('first', 'rounds') else name)
    episodes = []
    for index, letter in enumerate(outcomes):
        start = seed + index
        found = record(data, OUTCOMES[letter], start, hashes[index], rows) if recorded else ''
        episodes.append(played(found, start, OUTCOMES[letter], rows))
    said = {
        'policy': hashes[-1] if hashes else '',
        'cover_camera': name == 'covered',
        'episodes': episodes,
        'latency_ms': [20.0 + index for index in range(len(outcomes) * (rows - 1))],
        'missed_periods': len(outcomes),
        'guard_interventions': {'jerk': 3, 'acceleration': 1},
    }
    (out / f'{name}.json').write_text(json.dumps(said))


def played(id_, seed, outcome, rows=ROWS):
    ended = 'done' if outcome == 'success' else 'timeout'
    counted = {'steps': rows - 1, 'seconds': 0.08 * (rows - 1), 'start_seconds': 0.2}
    judged = {'success': outcome == 'success', 'outcome': outcome, 'ended': ended}
    return {'id': id_, 'seed': seed, **judged, **counted}


def record(root, outcome, seed, bundle, rows=ROWS, controller='policy'):
    """Records an episode in which a bright square moves right; returns its id.

    Executed is what was requested but for .3 of the first joint at row 0, of which the guard says
    'jerk', and .1 at row 1; the last row is of an arm that is held.
    """
    with Dataset.create_or_open(root, floor=0) as dataset:
        header = EpisodeHeader(
            task=TASK,
            source='twin',
            spec=tiny.spec(),
            seed=seed,
            policy_hash=bundle,
            controller=controller,
        )
        with dataset.new_episode(header) as writer:
            for t in range(rows):
                writer.append(row(t, rows, outcome, seed))
            writer.close('unlabelled')
        if outcome != 'unlabelled':
            dataset.label(header.id, outcome)
    return header.id


def row(t, rows, outcome, seed):
    image = np.full((8, 12, 3), 40, np.uint8)
    image[2:4, t : t + 2] = 250
    requested = np.array([0.5, -0.2], np.float32)
    held = t == rows - 1
    left = np.array([{0: 0.3, 1: 0.1}.get(t, 0.0), 0.0], np.float32)
    named = {0: ('jerk', 'acceleration'), 1: ('jerk',)}
    return Row(
        stamp=80_000_000 * t,
        images={'front': image},
        requested=requested,
        executed=requested * 0 if held else requested - left,
        is_first=t == 0,
        disagreement=0.2 + 0.01 * t + 0.2 * (outcome == 'failure') + 0.001 * (seed % 7),
        reasons=('not_armed',) if held else named.get(t, ()),
    )


def write_demo(
    out,
    before='sff',
    logged='ffss',
    after='ssf',
    covered='fff',
    swaps=(2, 3),
    published=(True, True, False),
    **config,
):
    """Writes a whole demonstration's folder; returns it.

    The first bundle drives `before` and the first logged episodes; the next begins at each index
    of `swaps`; the last of them drives `after`. `published` says so of each round from the first.
    """
    out.mkdir(parents=True)
    settings = DemoConfig(task=TASK, seed=3, **config)
    write_json(out / MARKER, {'task': TASK, 'seed': 3, 'config': to_dict(settings)})
    hashes = bundles(out, 1 + len(swaps))
    for seed in range(2):
        record(out / 'dataset', 'success', seed, '', controller='scripted')
    drive(out, 'before', before, hashes[0])
    drove = [hashes[sum(start <= i for start in swaps)] for i in range(len(logged))]
    half = len(logged) // 2
    drive(out, 'first', logged[:half], drove[:half], seed=7000)
    drive(out, 'rounds', logged[half:], drove[half:], seed=7000 + half)
    drive(out, 'after', after, hashes[-1])
    drive(out, 'covered', covered, hashes[-1])
    metrics = [
        {'update': n, 'phase': 'offline' if n < 6 else 'finetune', 'time': 10.0 * n}
        | {'model/image_loss': 40.0 / n, 'imagined/value': 0.1 * n}
        for n in range(1, 9)
    ]
    written_run.write_run(out / 'train', metrics=metrics, data=[out / 'dataset'])
    for found in rounds(hashes, published):
        append_round(out / 'train', found)
        write_about(out / 'bundles' / found.bundle, found)
    stages = {'set-up': 9.0, 'collect': 30.0, 'train': 400.0, 'rounds': 300.0}
    write_json(out / 'stages.json', stages)
    film(out / 'episodes.mp4')
    return out


def rounds(hashes, published):
    """The rounds of a run: number 0, and one for each of `published`."""
    used, yes = '', [True, *published]
    for number, good in enumerate(yes):
        bundle = hashes[min(sum(yes[1 : number + 1]), len(hashes) - 1)] if good else 'f' * 64
        yield Round(
            number=number,
            updates=6 + number,
            bundle=bundle,
            used=used,
            published=good,
            why='' if good else 'it solves 3 of 10 starts, the one in use 6',
            new=1 if number else 0,
            episodes=2 + number,
            successes=2 + number // 2,
            starts=[True] * 6 + [False] * 4 if good else [True] * 3 + [False] * 7,
            used_starts=[True, False] * 5 if number else [],
            seed=11,
            error=0.25,
            used_error=0.3 if number else None,
            apart=2,
            seconds=61.0,
        )
        used = bundle if good else used


def driven(bundle='', outcome='success'):
    """An episode that was driven and not recorded."""
    return Driven(
        id='',
        seed=None,
        outcome=outcome,
        ended='',
        decisions=1,
        seconds=None,
        bundle=bundle,
        recorded=False,
    )


def rows(executed, reasons, requested=None):
    """An episode's decisions of the arm's joint and the gripper's, executed and the reasons."""
    executed = np.array(executed, np.float32)
    asked = np.zeros_like(executed) if requested is None else np.array(requested, np.float32)
    return Rows(
        about=driven(),
        spec=PAIR,
        requested=asked,
        executed=executed,
        reasons=reasons,
        disagreement=np.zeros(len(executed)),
    )


def film(path):
    with VideoWriter(path, 12.5, height=32) as video:
        for t in range(4):
            video.add(np.full((16, 16, 3), 60 * t, np.uint8))
