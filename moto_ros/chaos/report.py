"""What a run of faults found, as lines of a terminal and as JSON.

In: Results. Out: text, and plain data with every number.
"""

from __future__ import annotations

import json
import math
import os
import platform
import re
import textwrap
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from moto_core.version import version

if TYPE_CHECKING:
    from moto_ros.chaos.fault import Fault
    from moto_ros.chaos.run import Result

MARKS = re.compile(r'(<!-- chaos -->\n).*?(<!-- end -->)', re.DOTALL)  # of a document's table
SCHEDULING = {os.SCHED_OTHER: 'ordinary', os.SCHED_FIFO: 'real time', os.SCHED_RR: 'real time'}
PLACE = re.compile(r"/[^\s']*moto-chaos-[^\s']*/")  # a temporary folder
HASH = re.compile(r'[0-9a-f]{64}')
WIDTH = 96  # of a terminal's lines


def lines(result: Result) -> str:
    """Returns a result as it is printed."""
    fault, seen = result.fault, result.seen
    rest = '' if seen.rest is None else f', at rest after {seen.rest:.3f} s'
    head = f'{fault.number:2d} {"met    " if seen.met else "NOT MET"} {fault.name}{rest}'
    parts = [_wrapped('expected', fault.expected), _wrapped('seen', seen.text)]
    parts += [_wrapped('missed', text) for text in seen.missed]
    return '\n'.join([head, *parts])


def listed(fault: Fault) -> str:
    """Returns a fault as `moto-chaos list` shows it."""
    quick = ', fast' if fault.quick else ''
    return f'{fault.number:2d} {fault.name} ({fault.where}{quick})\n' + _wrapped(
        '', fault.expected
    )


def summary(results: Sequence[Mapping[str, Any]]) -> str:
    """Returns the last line: how many of what was gathered are met, and which are not."""
    missed = [result['number'] for result in results if not result['met']]
    told = f'{len(results) - len(missed)} of {len(results)} met'
    return told + (f'; not met: {", ".join(map(str, missed))}' if missed else '')


def gathered(results: Sequence[Result], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns everything that was found as plain data, with what was found `before` of others."""
    kept = {found['number']: found for found in (before or {}).get('results', ())}
    kept.update({result.fault.number: _plain(result) for result in results})
    found = [{**kept[number], 'seen': _short(kept[number]['seen'])} for number in sorted(kept)]
    return {
        'about': {
            'version': version(),
            'made': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
            'machine': f'{platform.machine()}, {platform.system()} {platform.release()}',
            'cores': os.cpu_count(),
            'scheduling': SCHEDULING.get(os.sched_getscheduler(0), 'batch'),
            'load': [round(load, 1) for load in os.getloadavg()],
            'met': sum(result['met'] for result in found),
            'faults': len(found),
        },
        'results': found,
    }


def to_json(data: Mapping[str, Any]) -> str:
    """Returns what was gathered as JSON."""
    return json.dumps(data, indent=1, allow_nan=False) + '\n'


def table(data: Mapping[str, Any]) -> str:
    """Returns the table of a document, of what was gathered."""
    rows = ['| fault | seen | at rest after [s] |', '|---|---|---|']
    for result in data['results']:
        seen = result['seen'] if result['met'] else '**not met**: ' + '; '.join(result['missed'])
        rest = '' if result['rest_s'] is None else f'{result["rest_s"]:.2f}'
        text = seen.replace('|', '\\|').replace('<', '&lt;').replace('`', "'")
        rows.append(f'| {result["number"]} | {text} | {rest} |')
    return '\n'.join(rows)


def fill(text: str, data: Mapping[str, Any]) -> str:
    """Returns a document with the table between its marks made anew."""
    about = data['about']
    made = (
        f'{about["met"]} of {about["faults"]} met, {about["made"][:10]}, {about["machine"]}, '
        f'{about["cores"]} cores, scheduling {about["scheduling"]}, load {about["load"][0]:g}.'
    )
    return MARKS.sub(lambda found: f'{found[1]}{made}\n\n{table(data)}\n{found[2]}', text)


def _plain(result: Result) -> dict[str, Any]:
    fault, seen = result.fault, result.seen
    return {
        'number': fault.number,
        'fault': fault.name,
        'where': fault.where,
        'expected': fault.expected,
        'seen': seen.text,
        'met': seen.met,
        'missed': list(seen.missed),
        'rest_s': _finite(seen.rest),
        'numbers': {name: _finite(value) for name, value in seen.numbers.items()},
        'seconds': round(result.seconds, 1),
    }


def _short(text: str) -> str:
    """Returns a text without the run's temporary folder, and hashes by their beginning."""
    return HASH.sub(lambda found: found[0][:8], PLACE.sub('.../', text))


def _finite(value: float | None) -> float | None:
    """A number of five digits; None if it is not finite."""
    return None if value is None or not math.isfinite(value) else float(f'{value:.5g}')


def _wrapped(name: str, text: str) -> str:
    begin = f'   {name:<9}' if name else '   '
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=begin,
        subsequent_indent=' ' * len(begin),
        break_long_words=False,
    )
