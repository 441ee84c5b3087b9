"""The demonstration's page: report.html, one file that holds its pictures and its video.

In: a demonstration's folder and its summary. Out: report.html, and prediction.png beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from moto_core.durable import replace_synced
from moto_learning.report import figures, page
from moto_learning.report.demo_summary import read_drives
from moto_learning.report.predictions import predict_episode
from moto_learning.report.training import LOSSES, series
from moto_learning.run.metrics import read_metrics

NAMES = {
    'offline': 'offline only',
    'online': 'after fine-tuning',
    'camera_covered': 'the same, camera covered',
}


def write_report(out: Path, summary: Mapping[str, Any], period: float = 0.08) -> Path:
    """Writes report.html (no other file is needed to read it) and returns its path."""
    drives = read_drives(out)
    latency = np.asarray(drives['offline']['latency_ms'] + drives['online']['latency_ms'])
    strip = figures.png(_prediction(out, drives['online']))
    (out / 'prediction.png').write_bytes(strip)
    bundles = summary['bundles']
    body = [
        page.headline(
            f'{summary["task"]}: from demonstrations to a policy on ROS 2',
            f'{summary["device"]}; bundles {bundles["offline"][:12]} and {bundles["online"][:12]}',
        ),
        page.cards(_cards(summary)),
        page.section(
            'Success through ROS 2, under the guard',
            _success(summary['success']),
            'Each episode starts from a drawn arm pose. The last row is the same policy from '
            'the same starts with a black image: a success there does not need the camera.',
        ),
        page.section(
            'The policy at work',
            page.video(
                'The final bundle in the simulator, drawn larger than the 64 x 64 it sees.',
                (out / 'episodes.mp4').read_bytes(),
                playing=True,
            ),
        ),
        page.section(
            'What the camera saw, what the model predicted',
            page.wide(
                page.picture(
                    'Frames of the camera over what the model reconstructed and then predicted',
                    strip,
                )
            ),
            'An episode recorded through ROS 2. After the context the model is given only '
            'the actions and draws what it expects to see.',
        ),
        page.section(
            'Learning',
            page.wide(
                page.picture(
                    'Losses and imagined values against updates',
                    figures.png(_curves(read_metrics(out / 'train'))),
                )
            ),
        ),
        page.section(
            'Latency',
            page.picture(
                'Histogram of the latency', figures.png(figures.latency_histogram(latency, period))
            ),
            'From the stamp of the camera image to the request: transport, preprocessing and '
            f'inference. Missed periods: {summary["missed_periods"]} of {latency.size}.',
        ),
        page.section(
            'What the guard did',
            page.picture(
                'Decisions that the guard changed, by reason',
                figures.png(figures.reason_bars(summary['guard_interventions'], latency.size)),
            ),
            'A decision may have several reasons; every one is in the logged episode.',
        ),
        page.section(
            'Time',
            page.table(
                ('stage', 'seconds'),
                [(name, round(seconds)) for name, seconds in summary['seconds'].items()],
            ),
        ),
    ]
    path = out / 'report.html'
    replace_synced(path, page.document(f'MOTO: {summary["task"]}', body))
    return path


def _success(counts: Mapping[str, Mapping[str, Any]]) -> str:
    bars = figures.success_bars(
        [
            (NAMES[name], count['k'], count['n'], count['interval'])
            for name, count in counts.items()
        ]
    )
    return page.picture('Share of successful episodes, each with its interval', figures.png(bars))


def _cards(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    success, latency = summary['success'], summary['latency_ms']
    return [
        (success['offline']['text'], 'episodes solved, offline training only'),
        (success['online']['text'], 'episodes solved after fine-tuning'),
        (success['camera_covered']['text'], 'with the camera covered'),
        (
            f'{latency["p50"]:.1f} ms' if latency['p50'] is not None else 'none',
            f'image to request, median (p99 {latency["p99"]:.1f} ms)' if latency['p99'] else '',
        ),
        (f'{sum(summary["seconds"].values()) / 60:.1f} min', 'from nothing to this page'),
    ]


def _prediction(out: Path, drive: Mapping[str, Any]) -> Figure:
    solved = [e['id'] for e in drive['episodes'] if e['success']]
    episode = (solved or [e['id'] for e in drive['episodes']])[0]
    return figures.prediction_strip(*predict_episode(out / 'train', out / 'dataset', episode))


def _curves(metrics: Sequence[Mapping[str, Any]]) -> Figure:
    found = {title: series(metrics, key) for key, title in LOSSES.items()}
    later = [row['update'] for row in metrics if row.get('phase') != 'offline']
    return figures.panels(
        {title: [figures.Line(x=x, y=y)] for title, (x, y) in found.items() if len(x)},
        'updates (dashed: fine-tuning begins)',
        min(later) if later else None,
    )
