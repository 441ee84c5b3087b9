"""Files of results: results/<name>.json.

In: Kept runs. Out: a file that holds them, and the paper's numbers beside theirs; read back, or
refused in one line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from moto_core.config import load_config
from moto_core.durable import replace_synced
from moto_core.errors import ConfigError, MotoError, one_line
from moto_core.strict_json import parse_json
from moto_learning.report.results import About, Kept, Lag, Promise
from moto_learning.report.tables import paper_at
from moto_learning.run.heldout import Evaluation, sound_evaluation

FORMAT = 2


def write_results(path: Path, kept: Sequence[Kept]) -> None:
    """Writes a file of results, beside each evaluation the paper's success at its decisions."""
    runs = [
        {
            **asdict(one.about),
            'settings': one.settings,
            'evaluations': [_with_paper(one, evaluation) for evaluation in one.evaluations],
            'promises': [asdict(promise) for promise in one.promises],
            'lags': [asdict(lag) for lag in one.lags],
        }
        for one in kept
    ]
    settings = {one.settings: one.about.settings for one in kept}
    data = {'format': FORMAT, 'settings': settings, 'runs': runs}
    text = json.dumps(data, indent=1, allow_nan=False)
    replace_synced(path, (text + '\n').encode())


def read_results(path: Path) -> list[Kept]:
    """Reads a file that `write_results` wrote; raises ConfigError for any other."""
    try:
        data = parse_json(path.read_bytes())
        if data['format'] != FORMAT:
            raise ValueError(f'format {data["format"]!r}; this version reads {FORMAT}')
        settings = data['settings']
        return [
            _read_run({**run, 'settings': settings[run['settings']]}, path.stem)
            for run in data['runs']
        ]
    except (KeyError, TypeError, AttributeError, ValueError, OSError, MotoError) as error:
        raise ConfigError(
            f"'{path}' does not hold results ({type(error).__name__}: {one_line(error, 200)}); "
            "'moto-results gather' writes them"
        ) from error


def _read_run(data: dict[str, Any], origin: str) -> Kept:
    about = {key: data[key] for key in data if key not in ('evaluations', 'promises', 'lags')}
    evaluations = []
    for line in data['evaluations']:
        found = sound_evaluation({key: line[key] for key in line if key != 'paper'})
        if found is None:
            raise ValueError(f'an evaluation of {about.get("path")!r} is damaged: {line}')
        evaluations.append(found)
    return Kept(
        origin=origin,
        about=load_config(About, about),
        evaluations=evaluations,
        promises=[load_config(Promise, one) for one in data['promises']],
        lags=[load_config(Lag, one) for one in data.get('lags', [])],
    )


def _with_paper(run: Kept, one: Evaluation) -> dict[str, Any]:
    return {**asdict(one), 'paper': paper_at(run.task, run.row, one.decisions)}
