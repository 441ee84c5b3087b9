"""The demonstration's page: whole in itself, and of a folder in which much is missing."""

import json
import re
import shutil
import time

import pytest
from rich.console import Console

from moto_core.config import to_dict
from moto_core.policy.given_up import give_up
from moto_learning.report import demo, demo_tables
from moto_learning.report.demo_drives import read_drives
from moto_learning.report.demo_folder import MARKER, DemoConfig, write_json
from moto_learning.report.demo_page import draw_report, write_report
from moto_learning.report.demo_summary import summarize
from moto_learning.report.demo_tables import (
    bundle_names,
    demo_rounds,
    episode_table,
    settings_tables,
)
from moto_learning.report.markdown import DASH
from moto_learning.report.page import data_uri
from moto_learning.report.provenance import Nearest
from tests.learning.report.written_demo import FIRST, TASK, drive


def report(out):
    """Writes the report of a folder; returns its page as text and the summary."""
    summary = summarize(TASK, out, json.loads((out / 'stages.json').read_text()))
    return write_report(out, summary).read_text(), summary


@pytest.fixture(scope='module')
def whole(written, tmp_path_factory):
    out = shutil.copytree(written, tmp_path_factory.mktemp('page') / 'run')
    return (*report(out), out)


def test_the_page_needs_no_other_file_and_says_what_each_picture_shows(whole):
    page, _, _ = whole
    bare = re.sub(r'base64,[^\'"]*', '', page)
    sources = re.findall(r'(?:src|href)=[\'"]([^\'"]{0,40})', page)
    assert sources and all(source.startswith('data:') for source in sources)
    assert 'http' not in bare
    alts = re.findall(r"<(?:img alt|svg role='img' aria-label)='([^']+)'", page)
    assert len(alts) == page.count('<img') + page.count('<svg') >= 8
    assert all(re.search(r'\d', alt) and len(alt) > 40 for alt in alts), alts
    assert page.count('data:video/mp4') == 1


def test_the_page_tells_what_happened_in_numbers(whole):
    page, summary, out = whole
    assert 'Through ROS 2, under the guard, each within 60 decisions (4.8 s).' in page
    for said in (
        f'{TASK}: 1 of 3 held-out starts before, 2 of 3 after 4 logged episodes',
        'before: 1 of 3 (95 % interval 0.06 to 0.79); after: 2 of 3',
        'round 1 begins to drive after 2 of them. round 2 begins to drive after 3 of them.',
        'Of 3 starts 1 were solved both times, 1 only after, 0 only before and 1 never: +33',
        'a reason at 6 of 24 decisions (25.0%)',
        'Disagreement before: 1 of outcome success',
        '2 of 3 rounds were published',
        'refused: it solves 3 of 10 starts, the one in use 6',
        'up to 2 fewer were let pass (lost=2)',
        'others in each round: compare them within a row',
        "poster='data:image/jpeg",
        '13 episodes',
        f'1 of {len(to_dict(DemoConfig()))} settings of the demonstration are not the default',
        f'commit {summary["commit"]}',
        f'moto-demo --out {out} seed=3',
    ):
        assert said in page, said


def test_the_first_picture_is_a_file_too(whole):
    page, _, out = whole
    first = re.search(r"<img alt='[^']+' src='([^']+)'", page)
    assert first[1] == data_uri((out / 'improvement.png').read_bytes(), 'image/png')
    assert data_uri((out / 'prediction.png').read_bytes(), 'image/png') in page


def test_a_folder_in_which_everything_is_missing_has_a_page_that_says_so(tmp_path):
    write_json(tmp_path / MARKER, {'config': to_dict(DemoConfig())})
    write_json(tmp_path / 'stages.json', {'set-up': 1.0})
    page, summary = report(tmp_path)
    for said in (
        'No episode was logged',
        'No held-out start was driven',
        'No episode of this drive was recorded',
        'No episode was recorded',
        'No round was judged',
        'The run has no metrics',
        'No decision was timed',
    ):
        assert said in page, said
    assert summary['improvement']['difference'] is None
    assert not (tmp_path / 'prediction.png').exists()


def test_episodes_that_were_not_judged_or_not_recorded_are_said_to_be(tmp_path, written):
    """After half a demonstration: no logged episode, no round, rows of before alone."""
    for name in (MARKER, 'stages.json', 'before.json'):
        shutil.copy(written / name, tmp_path / name)
    shutil.copytree(written / 'before', tmp_path / 'before')
    drive(tmp_path, 'after', 'usu', 'a' * 64, recorded=False)
    page, summary = report(tmp_path)
    assert summary['success']['after']['text'] == '1 of 1'
    assert summary['improvement']['pairs'] == 1
    assert f'start {FIRST}, after: not judged' in page
    assert 'No episode of this drive was recorded' in page
    assert 'Disagreement before: 1 of outcome success' in page
    assert page.count('not recorded</td>') == 3


def test_the_rounds_name_the_bundles_that_drove(whole):
    _, summary, out = whole
    names = bundle_names(summary['rounds'])
    assert sorted(names.values()) == ['round 0', 'round 1', 'round 2']
    table = episode_table(read_drives(out), names)
    assert table.count('<td>round 0</td>') == 3 + 2
    assert table.count('<td>round 1</td>') == 1
    assert table.count('<td>round 2</td>') == 1 + 3 + 3
    rounds = demo_rounds(summary['rounds'], read_drives(out), out / 'bundles')
    assert "<td class='number'>6</td>" in rounds
    assert '6 of 10</td><td>5 of 10' in rounds
    driven = re.findall(r"<td class='number'>(\d+)</td><td>published</td>", rounds)
    assert driven == ['5', '1', '7'] and 'drove no episode' not in rounds
    assert f"<td>{DASH}</td><td class='words'>refused: " in rounds, 'what was refused cannot drive'


def test_rounds_that_were_published_and_never_drove_are_named(whole):
    _, summary, out = whole
    drives = read_drives(out)
    drives['rounds'].episodes.clear()
    bundles = out / 'bundles'
    rounds = demo_rounds(summary['rounds'], drives, bundles)
    assert 'Published, and drove no episode: round 1.' in rounds
    give_up(bundles / summary['rounds'][1]['bundle'], 'it shook', '')
    rounds = demo_rounds(summary['rounds'], drives, bundles)
    assert 'drove no episode: round 1 (given up by the robot: it shook).' in rounds


def test_the_times_hold_the_reports_own_and_the_total(written, tmp_path, monkeypatch):
    out = shutil.copytree(written, tmp_path / 'run')
    monkeypatch.setattr(demo, 'demo_stages', lambda config, out: [])
    monkeypatch.setattr(demo, 'draw_report', lambda *given: time.sleep(1.5) or draw_report(*given))
    summary = demo.run_demo(DemoConfig(task=TASK), out, Console(quiet=True), 0.0)
    seconds = {name: round(each) for name, each in summary['seconds'].items()}
    assert seconds['report'] >= 1 and seconds['total'] >= 739 + seconds['report']
    page = (out / 'report.html').read_text()
    for name in ('train', 'report', 'total'):
        assert f"<tr><td>{name}</td><td class='number'>{seconds[name]}</td></tr>" in page
    assert f'<b>{summary["seconds"]["total"] / 60:.1f} min</b>' in page
    assert json.loads((out / 'summary.json').read_text())['seconds'] == summary['seconds']


def test_values_below_0_are_explained_where_they_are_drawn(whole):
    page, _, _ = whole
    assert 'it lies below 0 where the penalty outweighs the rewards' in page


def test_one_difference_is_no_plural(whole, monkeypatch):
    _, _, out = whole
    for count, words in [(1, 'the run: 1 difference from'), (2, 'the run: 2 differences from')]:
        found = Nearest('demo', {f'key{i}': (1, 2) for i in range(count)})
        monkeypatch.setattr(demo_tables, 'nearest_preset', lambda config, found=found: found)
        assert words in settings_tables(out)


def test_settings_that_are_not_the_default_stand_beside_it(whole):
    _, _, out = whole
    tables = settings_tables(out)
    assert '<tr><td>seed</td><td>3</td><td>0</td></tr>' in tables
    assert '<td>replay.batch</td>' in tables, 'the tiny run differs from every preset'
