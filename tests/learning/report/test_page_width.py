"""The demonstration's page in a real browser, as narrow as a telephone."""

import json
import re
import shutil
import subprocess

import pytest

from moto_learning.report.demo_page import write_report
from moto_learning.report.demo_summary import summarize
from tests.learning.report.written_demo import TASK

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'google-chrome', 'chrome'))), None)
WIDTH = 390  # [px]
FRAME = """<title>not loaded</title>
<iframe id=page width={width} height=3000 src=report.html style="border:0"></iframe>
<script>
page.onload = () => {{
  const seen = page.contentDocument, root = seen.documentElement;
  for (const one of seen.querySelectorAll("details")) one.open = true;
  const unseen = [...seen.images].filter((image) => !image.naturalWidth).length;
  const low = Math.min(...[...seen.querySelectorAll("img, svg")].map((one) => one.clientWidth));
  const style = (one, part) => page.contentWindow.getComputedStyle(one, part);
  const wide = [...seen.querySelectorAll(".wide")];
  const scrolled = wide.filter((one) => one.scrollWidth > one.clientWidth);
  const bare = scrolled.filter((one) => !style(one).backgroundAttachment.includes("local")
    && style(one, "::after").content === "none").length;
  const sizes = [page.contentWindow.innerWidth, root.scrollWidth, unseen, low];
  document.title = [...sizes, scrolled.length, bare].join(" ");
}};
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium here: apt-get install chromium')
def test_the_page_is_not_scrolled_sideways_but_for_what_hints_at_it_and_each_picture_is_seen(
    written, tmp_path
):
    out = shutil.copytree(written, tmp_path / 'run')
    write_report(out, summarize(TASK, out, json.loads((out / 'stages.json').read_text())))
    frame = out / 'frame.html'
    frame.write_text(FRAME.format(width=WIDTH))
    options = ['--headless', '--no-sandbox', '--disable-gpu', '--allow-file-access-from-files']
    options += ['--virtual-time-budget=20000', '--window-size=900,3000', '--dump-dom']
    seen = subprocess.run(
        [CHROMIUM, *options, f'--user-data-dir={tmp_path / "browser"}', frame.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    inner, scrolled, unseen, narrowest, wide, bare = map(
        int, re.search('<title>([0-9 ]+)', seen)[1].split()
    )
    assert inner == WIDTH
    assert scrolled <= WIDTH
    assert unseen == 0
    assert narrowest >= 280
    assert wide >= 5, 'tables and pictures'
    assert bare == 0
