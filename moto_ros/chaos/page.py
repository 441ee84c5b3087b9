"""What a run of faults found, as one HTML page that needs no other file.

In: what a report gathered. Out: HTML: a table on a screen, a card a fault on a telephone, in light
and in dark.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from moto_ros.chaos.report import summary

STYLE = """
:root { color-scheme: light dark; --ink: #24292f; --page: #fff; --soft: #57606a; --line: #d0d7de;
        --good: #1a7f37; --bad: #cf222e; --tint: #fff1f0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --page: #0d1117; --soft: #9da7b3;
        --line: #3d444d; --good: #3fb950; --bad: #f85149; --tint: #2d1517; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
       max-width: 78rem; margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; }
p { margin: .2rem 0 1.2rem; color: var(--soft); }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { padding: .45rem .8rem .45rem 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; font-size: .85rem; }
.number { width: 2.6rem; text-align: right; font-variant-numeric: tabular-nums; }
.name { width: 18%; } .expected { width: 25%; } .rest { width: 4.6rem; text-align: right; }
.met { width: 5.4rem; font-weight: 600; color: var(--good); }
tr.missed .met { color: var(--bad); } tr.missed { background: var(--tint); }
td.rest { font-variant-numeric: tabular-nums; }
b { color: var(--bad); }
@media (max-width: 760px) {
  thead { display: none; }
  table, tbody, tr, td { display: block; width: auto; }
  tr { border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem;
       margin: 0 0 .8rem; }
  td { border: 0; padding: .15rem 0; width: auto !important; text-align: left !important; }
  td[data-name]::before { content: attr(data-name) ' '; color: var(--soft); font-size: .82rem; }
  td.number, td.name { display: inline; font-weight: 600; }
  td.number::after { content: ' '; white-space: pre; }
  td.rest:empty { display: none; }
}
"""
COLUMNS = ('number', 'name', 'expected', 'seen', 'rest', 'met')
HEADS = ('#', 'fault', 'expected', 'seen', 'rest [s]', '')


def page(data: Mapping[str, Any]) -> str:
    """Returns the page of what was gathered; every text in it is escaped here."""
    results, told = data['results'], data['about']
    heads = ''.join(f"<th class='{c}'>{h}</th>" for c, h in zip(COLUMNS, HEADS))
    about = f'moto-chaos {told["version"]}, {told["made"][:10]}, the simulated robot'
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f'<title>Faults, made to happen</title><style>{STYLE}</style></head><body>'
        f'<h1>Faults, made to happen</h1><p>{_text(summary(results))}. {_text(about)}. Times to '
        f'rest: of its joints, below 0.1 rad/s.</p><table><thead><tr>{heads}</tr></thead><tbody>'
        f'{"".join(map(_row, results))}</tbody></table></body></html>\n'
    )


def _row(result: Mapping[str, Any]) -> str:
    rest = '' if result['rest_s'] is None else f'{result["rest_s"]:.2f}'
    missed = ''.join(f'<br><b>missed: {_text(text)}</b>' for text in result['missed'])
    cells = (
        f"<td class='number'>{result['number']}</td>",
        f"<td class='name'>{_text(result['fault'])}</td>",
        f"<td class='expected' data-name='expected'>{_text(result['expected'])}</td>",
        f"<td class='seen' data-name='seen'>{_text(result['seen'])}{missed}</td>",
        f"<td class='rest' data-name='rest [s]'>{rest}</td>",
        f"<td class='met'>{'met' if result['met'] else 'not met'}</td>",
    )
    return f'<tr{"" if result["met"] else " class=missed"}>{"".join(cells)}</tr>'


def _text(words: object) -> str:
    return html.escape(str(words), quote=True)
