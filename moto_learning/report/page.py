"""The page that shows a run: report.html, one file that holds its pictures and its video.

In: a demonstration's folder and its summary. Out: report.html, and prediction.png beside it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from moto_learning.report import figures
from moto_learning.report.demo_summary import read_drives
from moto_learning.report.predictions import predict_episode
from moto_learning.run.metrics import read_metrics

CURVES = {
    'model/image_loss': 'image loss [nats]',
    'model/reward_loss': 'reward loss [nats]',
    'model/kl': 'KL, posterior to prior [nats]',
    'actor/behaviour': 'behaviour prior: -log pi(a)',
    'imagined/value': 'value of imagined states',
    'critics/data_loss': 'critics: data loss',
    'critics/model_loss': 'critics: model loss',
    'imagined/disagreement': 'disagreement of the ensemble',
}
NAMES = {
    'offline': 'offline only',
    'online': 'after fine-tuning',
    'camera_covered': 'the same, camera covered',
}
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #24292f; background: #fff; max-width: 62rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.1rem; margin-top: 2.2rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr));
         gap: .8rem; margin: 1.2rem 0; }
.card { border: 1px solid #d0d7de; border-radius: 8px; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.45rem; }
.card span, .note { color: #57606a; font-size: .88rem; }
img, video { max-width: 100%; } .wide { overflow-x: auto; } .wide img { max-width: none;
       width: max(100%, 56rem); } video { border-radius: 8px; background: #000; }
table { border-collapse: collapse; } td.number { text-align: right; }
td, th { padding: .2rem .9rem .2rem 0; text-align: left; border-bottom: 1px solid #d0d7de; }
code { background: #f6f8fa; padding: .1rem .3rem; border-radius: 4px; }
"""


def write_report(out: Path, summary: Mapping[str, Any], period: float = 0.08) -> Path:
    """Writes report.html (no other file is needed to read it) and returns its path."""
    metrics = read_metrics(out / 'train')
    drives = read_drives(out)
    latency = np.asarray(drives['offline']['latency_ms'] + drives['online']['latency_ms'])
    strip = figures.png(_prediction(out, drives['online']))
    (out / 'prediction.png').write_bytes(strip)
    body = [
        f'<h1>{html.escape(summary["task"])}: from demonstrations to a policy on ROS 2</h1>',
        f"<p class='note'>{html.escape(summary['device'])}; bundles "
        f'<code>{summary["bundles"]["offline"][:12]}</code> and '
        f'<code>{summary["bundles"]["online"][:12]}</code></p>',
        _cards(summary),
        _section(
            'Success through ROS 2, under the guard',
            _success(summary['success']),
            'Each episode starts from a drawn arm pose. The last row is the same policy from '
            'the same starts with a black image: a success there does not need the camera.',
        ),
        _section(
            'The policy at work',
            _video(out / 'episodes.mp4'),
            'The final bundle in the simulator, drawn larger than the 64 x 64 it sees.',
        ),
        _section(
            'What the camera saw, what the model predicted',
            _wide(
                'Frames of the camera over what the model reconstructed and then predicted', strip
            ),
            'An episode recorded through ROS 2. After the context the model is given only '
            'the actions and draws what it expects to see.',
        ),
        _section(
            'Learning',
            _wide('Losses and imagined values against updates', figures.png(_curves(metrics))),
            '',
        ),
        _section(
            'Latency',
            _image('Histogram of the latency', figures.latency_histogram(latency, period)),
            'From the stamp of the camera image to the request: transport, preprocessing and '
            f'inference. Missed periods: {summary["missed_periods"]} of {latency.size}.',
        ),
        _section(
            'What the guard did',
            _image(
                'Decisions that the guard changed, by reason',
                figures.reason_bars(summary['guard_interventions'], latency.size),
            ),
            'A decision may have several reasons; every one is in the logged episode.',
        ),
        _section('Time', _table(('stage', 'seconds'), list(summary['seconds'].items())), ''),
    ]
    page = out / 'report.html'
    page.write_text(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f'<title>MOTO: {html.escape(summary["task"])}</title>'
        f'<style>{STYLE}</style></head><body>{"".join(body)}</body></html>',
        encoding='utf-8',
    )
    return page


def _success(counts: Mapping[str, Mapping[str, Any]]) -> str:
    return _image(
        'Share of successful episodes, each with its interval',
        figures.success_bars(
            [
                (NAMES[name], count['k'], count['n'], count['interval'])
                for name, count in counts.items()
            ]
        ),
    )


def _cards(summary: Mapping[str, Any]) -> str:
    success, latency = summary['success'], summary['latency_ms']
    cards = [
        (success['offline']['text'], 'episodes solved, offline training only'),
        (success['online']['text'], 'episodes solved after fine-tuning'),
        (success['camera_covered']['text'], 'with the camera covered'),
        (
            f'{latency["p50"]:.1f} ms' if latency['p50'] is not None else 'none',
            f'image to request, median (p99 {latency["p99"]:.1f} ms)' if latency['p99'] else '',
        ),
        (f'{sum(summary["seconds"].values()) / 60:.1f} min', 'from nothing to this page'),
    ]
    return (
        "<div class='cards'>"
        + ''.join(
            f"<div class='card'><b>{html.escape(big)}</b><span>{html.escape(small)}</span></div>"
            for big, small in cards
        )
        + '</div>'
    )


def _prediction(out: Path, drive: Mapping[str, Any]) -> Figure:
    solved = [e['id'] for e in drive['episodes'] if e['success']]
    episode = (solved or [e['id'] for e in drive['episodes']])[0]
    return figures.prediction_strip(*predict_episode(out / 'train', out / 'dataset', episode))


def _curves(metrics: Sequence[Mapping[str, Any]]) -> Figure:
    curves = {}
    for key, title in CURVES.items():
        rows = [(row['update'], row[key]) for row in metrics if row.get(key) is not None]
        if rows:
            updates, values = zip(*rows)
            curves[title] = (np.asarray(updates), np.asarray(values, np.float64))
    later = [row['update'] for row in metrics if row.get('phase') != 'offline']
    return figures.learning_curves(curves, min(later) if later else None)


def _section(title: str, content: str, note: str) -> str:
    return f"<h2>{html.escape(title)}</h2>{content}<p class='note'>{html.escape(note)}</p>"


def _image(alt: str, figure: Figure) -> str:
    return _embedded(alt, figures.png(figure))


def _wide(alt: str, data: bytes) -> str:
    """Returns a picture that keeps its size on a narrow screen and is scrolled there."""
    return f"<div class='wide'>{_embedded(alt, data)}</div>"


def _embedded(alt: str, data: bytes) -> str:
    return f"<img alt='{html.escape(alt, True)}' src='{figures.data_uri(data, 'image/png')}'>"


def _video(path: Path) -> str:
    uri = figures.data_uri(path.read_bytes(), 'video/mp4')
    return f"<video controls loop muted autoplay playsinline width='480' src='{uri}'></video>"


def _table(header: Sequence[str], rows: Sequence[tuple[str, float]]) -> str:
    head = ''.join(f'<th>{html.escape(name)}</th>' for name in header)
    lines = ''.join(
        f"<tr><td>{html.escape(name)}</td><td class='number'>{value:.0f}</td></tr>"
        for name, value in rows
    )
    return f'<table><tr>{head}</tr>{lines}</table>'
