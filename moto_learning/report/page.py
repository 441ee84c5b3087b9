"""A page that needs no other file: sections of text, pictures, videos and tables.

In: titles, notes, numbers, bytes. Out: HTML, of which every text was escaped here; it reads on a
telephone as on a screen, in light and in dark, and only what is marked wide is scrolled sideways:
a shadow lies at the edge beyond which a table goes on, a line stands under a picture that does.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

LONG = 28  # letters of a cell that may stand on several lines; an episode's id has 26
STYLE = """
:root { color-scheme: light dark; --ink: #24292f; --page: #fff; --soft: #57606a; --line: #d0d7de;
        --tint: #f6f8fa; --shade: #0006; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --page: #0d1117; --soft: #9da7b3;
        --line: #3d444d; --tint: #21262d; --shade: #fff6; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
       max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.2rem; margin-top: 2.4rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
h1, h2, h3, p, li, code, figcaption, summary { overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 10rem), 1fr));
         gap: .8rem; margin: 1.2rem 0; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.45rem; }
.card span, .note, figcaption { color: var(--soft); font-size: .88rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr));
        gap: 1rem; align-items: start; }
figure { margin: 0; }
img, video { max-width: 100%; height: auto; border-radius: 8px; }
svg { display: block; width: 100%; height: auto; background: #fff; border-radius: 8px;
      font-family: system-ui, sans-serif; }
img { background: #fff; } video { background: #000; }
.wide { overflow-x: auto; background:
  linear-gradient(to right, var(--page) 1rem, transparent) 0 0 / 2.5rem 100% no-repeat local,
  linear-gradient(to left, var(--page) 1rem, transparent) 100% 0 / 2.5rem 100% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) 0 0 / .9rem 100% no-repeat scroll,
  linear-gradient(to left, var(--shade), transparent) 100% 0 / .9rem 100% no-repeat scroll; }
.wide img { max-width: none; width: max(100%, 56rem); }
.wide:has(> img) { background: none; }
@media (max-width: 58rem) { .wide:has(> img)::after { display: block; position: sticky; left: 0;
  width: fit-content; color: var(--soft); font-size: .88rem;
  content: '\\2194\\FE0E  wider than the screen: scroll it sideways'; } }
table { border-collapse: collapse; font-size: .88rem; }
td, th { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line);
         white-space: nowrap; vertical-align: top; }
th { white-space: normal; vertical-align: bottom; }
td.words { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
code { background: var(--tint); padding: .1rem .3rem; border-radius: 4px; }
details { margin: .5rem 0; } summary { cursor: pointer; }
"""


def document(title: str, body: Iterable[str]) -> bytes:
    """Returns the whole page as UTF-8; what UTF-8 has no bytes for becomes '?'."""
    page = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f'<title>{text(title)}</title><style>{STYLE}</style></head>'
        f'<body>{"".join(body)}</body></html>'
    )
    return page.encode('utf-8', 'replace')


def text(words: object) -> str:
    """Returns a text as it stands in HTML, attributes included."""
    return html.escape(str(words), quote=True)


def headline(words: str, note: str = '') -> str:
    """Returns the page's title with a note under it."""
    return f'<h1>{text(words)}</h1>{remark(note)}'


def section(title: str, content: str, note: str = '', level: int = 2) -> str:
    """Returns a titled part of the page with a note under it."""
    return f'<h{level}>{text(title)}</h{level}>{content}{remark(note)}'


def remark(words: str) -> str:
    """Returns a paragraph in small print; nothing for no words."""
    return f"<p class='note'>{text(words)}</p>" if words else ''


def paragraph(words: str) -> str:
    """Returns a paragraph."""
    return f'<p>{text(words)}</p>'


def code(words: str) -> str:
    """Returns a line that a reader types."""
    return f'<p><code>{text(words)}</code></p>'


def listing(lines: Iterable[str]) -> str:
    """Returns a list of lines."""
    return f'<ul>{"".join(f"<li>{text(line)}</li>" for line in lines)}</ul>'


def cards(items: Iterable[tuple[str, str]]) -> str:
    """Returns large texts, each over a small one."""
    found = (f"<div class='card'><b>{text(a)}</b><span>{text(b)}</span></div>" for a, b in items)
    return f"<div class='cards'>{''.join(found)}</div>"


def grid(items: Iterable[str]) -> str:
    """Returns contents side by side, as many as there is room for."""
    return f"<div class='grid'>{''.join(items)}</div>"


def wide(content: str) -> str:
    """Returns a content that keeps its size on a narrow screen and is scrolled there."""
    return f"<div class='wide'>{content}</div>"


def hidden(summary: str, content: str) -> str:
    """Returns a content that a click on its summary shows."""
    return f'<details><summary>{text(summary)}</summary>{content}</details>'


def picture(alt: str, data: bytes) -> str:
    """Returns a PNG; `alt` says in words what it shows."""
    return f"<img alt='{text(alt)}' src='{data_uri(data, 'image/png')}'>"


def drawing(alt: str, inside: str, width: int, height: int) -> str:
    """Returns SVG of elements that are escaped already, at most twice `width` [px] wide."""
    return (
        f"<svg role='img' aria-label='{text(alt)}' viewBox='0 0 {width} {height}' "
        f"style='max-width:{2 * width}px'>{inside}</svg>"
    )


def video(caption: str, data: bytes, playing: bool = False, poster: bytes = b'') -> str:
    """Returns an MP4 over its caption; it waits for a click unless it is `playing`.

    Until then its `poster` is seen, a JPEG; a black box without one.
    """
    how = 'controls loop muted playsinline'
    how += ' autoplay' if playing else " preload='metadata'"
    how += f" poster='{data_uri(poster, 'image/jpeg')}'" if poster else ''
    label, source = text(caption), data_uri(data, 'video/mp4')
    return (
        f"<figure><video {how} width='480' aria-label='{label}' src='{source}'></video>"
        f'<figcaption>{label}</figcaption></figure>'
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str | float]]) -> str:
    """Returns a table that is scrolled on its own; numbers stand on the right, long texts wrap."""
    head = ''.join(f'<th>{text(name)}</th>' for name in header)
    lines = ''.join(f'<tr>{"".join(map(_cell, row))}</tr>' for row in rows)
    return wide(f'<table><tr>{head}</tr>{lines}</table>')


def data_uri(data: bytes, kind: str) -> str:
    """Returns bytes as a data: address, so that a page holds them itself."""
    return f'data:{kind};base64,{base64.b64encode(data).decode()}'


def _cell(value: str | float) -> str:
    if isinstance(value, (int, float)):
        shown = str(value) if isinstance(value, int) else f'{value:.4g}'
        return f"<td class='number'>{shown}</td>"
    wraps = " class='words'" if len(value) > LONG else ''
    return f'<td{wraps}>{text(value)}</td>'
