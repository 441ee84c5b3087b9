"""What the documents say is so: the paths, functions, tests, fields and numbers that they name."""

import ast
import json
import math
import re
import runpy
import shlex
import shutil
import subprocess
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import yaml

from moto_core.guard.limits import load_robot
from moto_learning.config import Config
from moto_learning.report.document import KINDS, fill, read_all
from moto_learning.report.figures import svg
from moto_ros.chaos import report as chaos

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md')]
METHOD, SAFETY = ROOT / 'docs/method.md', ROOT / 'docs/safety.md'
RESULTS = ROOT / 'docs/results.md'
NOT_OURS = ('runs/', 'bundles/', 'dataset/', '~/', '/')  # made by commands, or on another machine
SOURCES = {'.py', '.md', '.yaml', '.toml', '.cfg', '.xml', '.txt'}
MADE = {'build', 'runs', 'install', 'log', 'dist'}  # folders that commands make


def quoted(path):
    """What stands in `backticks` in a document, code blocks left out."""
    return re.findall(r'`([^`\n]+)`', re.sub(r'```.*?```', '', path.read_text(), flags=re.S))


def rows(path, columns):
    """The cells of a document's tables that have so many columns."""
    lines = [line.strip() for line in path.read_text().splitlines() if line.startswith('|')]
    cells = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines]
    return [row for row in cells if len(row) == columns and set(''.join(row)) - set('-: ')]


def definitions(path):
    """The functions and classes of a file, methods as Class.method."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f'{node.name}.{n.name}' for n in node.body if isinstance(n, ast.FunctionDef)}
    return found


def all_tests():
    return {
        name
        for path in (ROOT / 'tests').rglob('test_*.py')
        for name in definitions(path)
        if name.startswith('test_')
    }


def files_of_the_tree():
    for path in ROOT.rglob('*'):
        inside = path.relative_to(ROOT).parts
        made = MADE & set(inside) or any(part.startswith('.venv') for part in inside)
        if not made and path.is_file() and (path.suffix in SOURCES or path.name == 'Makefile'):
            yield path


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document):
    links = re.findall(r'\]\(([^)#\s]+)', document.read_text())
    paths = [link for link in links if '://' not in link]
    missing = [link for link in paths if not (document.parent / link).exists()]
    for text in quoted(document):
        path = text.partition(':')[0]
        is_path = re.fullmatch(r'[\w.-]+(/[\w.-]+)*(/|\.(py|yaml|xml|md|txt))', path)
        if is_path and '/' in path and not path.startswith(NOT_OURS):
            missing += [] if (ROOT / path).exists() else [path]
    assert not missing


@pytest.mark.parametrize('document', [METHOD, SAFETY], ids=lambda path: path.name)
def test_every_function_and_test_that_a_document_names_exists(document):
    names, missing = quoted(document), []
    for text in names:
        path, _, function = text.partition(':')
        if path.endswith('.py') and function and function not in definitions(ROOT / path):
            missing.append(text)
    there = all_tests()
    named = [text for text in names if text.startswith('test_')]
    missing += [name for name in named if name not in there]
    assert not missing
    assert len(named) > 20


def test_the_equations_are_numbered_from_1_to_22_and_each_has_code_and_a_test():
    text = METHOD.read_text()
    stated = {int(n) for n in re.findall(r'^\*\*Equation (\d+)\*\*', text, re.M)}
    assert stated == set(range(1, 23))
    table = {row[0]: row for row in rows(METHOD, 3)}
    for number in stated:
        assert '.py:' in table[str(number)][1], number
        assert '`test_' in table[str(number)][2], number


def field(config, name):
    for part in name.split('.'):
        assert is_dataclass(config), name
        assert part in {f.name for f in fields(config)}, f'no field {name}'
        config = getattr(config, part)
    return config


def test_every_field_of_the_method_exists_and_the_numbers_are_its_defaults():
    parts = tuple(f.name + '.' for f in fields(Config))
    named = [text.partition('=')[0] for text in quoted(METHOD) if text.startswith(parts)]
    assert len(named) > 40
    for name in named:
        field(Config(), name)
    numbers = [row for row in rows(METHOD, 4) if row[0].startswith('`')]
    assert len(numbers) > 25
    for name, default, mark, _ in numbers:
        assert field(Config(), name.strip('`')) == yaml.safe_load(default), name
        assert mark in ('[P]', '[D]', '[C]'), name


def test_the_results_document_is_what_the_results_say():
    text, figures = fill(RESULTS.read_text(), read_all(ROOT / 'results'))
    assert RESULTS.read_text() == text, "type 'moto-results write docs/results.md'"
    assert all(f'<!-- results: {kind}' in text for kind in KINDS)
    there = {path.name: path.read_bytes() for path in (ROOT / 'docs/images/results').glob('*')}
    assert there == {name: svg(figure) for name, figure in figures.items()}


@pytest.mark.parametrize('file', ['gate.json', 'gate_twin.json'])
def test_the_table_of_the_surprise_is_what_was_measured(file):
    measured = json.loads((ROOT / 'results/gate' / file).read_text())
    table = runpy.run_path(str(ROOT / 'benchmarks/gate.py'))['table'](measured)
    assert table in SAFETY.read_text(), "'benchmarks/gate.py table' prints it"


def test_the_limits_of_the_safety_document_are_those_of_the_robots():
    checked = 0
    for row in rows(SAFETY, 8):
        robot, _, column = row[0].partition(' ')
        if robot not in ('fr3', 'panda'):
            continue
        limits = load_robot(robot).limits
        assert [float(cell) for cell in row[1:]] == getattr(limits, column), row[0]
        checked += 1
    assert checked == 16
    for robot in ('fr3', 'panda', 'kitchen_sim'):
        profiles = load_robot(robot).profiles
        stated = [row for row in rows(SAFETY, 6) if row[0].strip('`') in profiles]
        assert len(stated) == len(profiles) == 3
        for name, speed, *numbers in stated:
            profile = profiles[name.strip('`')]
            share, of = re.fullmatch(r'(\d+) % of the (\w+) speed', speed).groups()
            assert (int(share) / 100, of) == (profile.velocity_fraction, profile.of)
            kept = [profile.acceleration, profile.jerk, profile.margin, profile.brake]
            assert all(map(math.isclose, map(float, numbers), kept)), name


def test_every_fault_has_a_row_with_a_test_or_says_what_is_left():
    faults = [row for row in rows(SAFETY, 4) if row[0].isdigit()]
    assert [int(row[0]) for row in faults] == list(range(1, 46))
    for number, _, happens, tested in faults:
        assert '`test' in tested or 'left:' in happens + tested, f'fault {number}'
    rules = [row for row in rows(SAFETY, 5) if row[0].isdigit()]
    assert [int(row[0]) for row in rules] == list(range(1, 9))
    assert all('.py' in row[3] and '`test_' in row[4] for row in rules)


def test_the_table_of_faults_made_to_happen_is_what_was_measured():
    text = SAFETY.read_text()
    found = json.loads((ROOT / 'results/safety/chaos.json').read_text())
    assert text == chaos.fill(text, found), "type 'moto-chaos write', as the document says"
    assert [result['number'] for result in found['results']] == list(range(1, 46))


def test_the_architecture_draws_every_floor_and_no_other():
    text = (ROOT / 'docs/architecture.md').read_text()
    drawn = set(re.findall(r'^ *([a-z_/]+)/  ', text, re.M))
    rooms = ['moto_core', 'sim/moto_sim', 'moto_learning', 'moto_ros']
    floors = {path.parent.name for room in rooms for path in ROOT.glob(f'{room}/*/__init__.py')}
    assert drawn == floors | set(rooms)


def test_no_file_points_to_a_document_that_is_not_in_the_tree():
    wrong = []
    for path in files_of_the_tree():
        text = path.read_text(encoding='utf-8')
        where = path.relative_to(ROOT)
        for name in re.findall(r'[\w./-]+\.md\b', text):
            if not any((folder / name).exists() for folder in (ROOT, path.parent)):
                wrong.append(f'{where}: {name}')
        for name in re.findall(r'\b([A-Z]{3,}), section|\b([A-Z]{3,}) section', text):
            wrong.append(f'{where}: {"".join(name)}')
        wrong += [
            f'{where}: {document}, {kind} {number}'
            for document, kind, number in re.findall(
                r'docs/(\w+)\.md,\s+(equation|rule|fault)s?\s+(\d+)', text
            )
            if not known(document, kind, number)
        ]
    assert not wrong, '\n'.join(wrong)


def known(document, kind, number):
    text = (ROOT / 'docs' / f'{document}.md').read_text()
    if kind == 'equation':
        return f'**Equation {number}**' in text
    columns = 5 if kind == 'rule' else 4
    return number in {row[0] for row in rows(ROOT / 'docs' / f'{document}.md', columns)}


def copies():
    """The lines of docs/loop.md that copy between two computers, as arguments."""
    lines = (ROOT / 'docs/loop.md').read_text().splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith('rsync ')]


def test_what_a_robot_gave_up_is_never_sent_to_it():
    sent = [line for line in copies() if line[-1].startswith('robot:')]
    assert sent and all('--exclude=*.given_up' in line for line in sent)


@pytest.mark.skipif(shutil.which('rsync') is None, reason='without rsync')
def test_the_copies_between_two_computers_do_what_is_said_of_them(tmp_path):
    def copy():
        for line in copies():
            subprocess.run(
                [word.replace('robot:', 'robot/') for word in line], cwd=here, check=True
            )

    here, robot = tmp_path, tmp_path / 'robot'
    for place in (here, robot):
        (place / 'data').mkdir(parents=True)
        (place / 'bundles').mkdir()
    (here / 'bundles/a').mkdir()
    (here / 'bundles/a/policy.onnx').write_text('a')
    (here / 'bundles/use').write_text('a')
    (robot / 'data/one').write_text('one')
    copy()
    assert (robot / 'bundles/a/policy.onnx').is_file() and (robot / 'bundles/use').is_file()
    assert (here / 'data/one').is_file()
    given_up = 'bundles/a.given_up'
    (robot / given_up).write_text('it shook')
    copy()
    assert (here / given_up).read_text() == 'it shook'
    (robot / given_up).unlink()  # to have it tried again
    copy()
    copy()
    assert not (robot / given_up).exists() and not (here / given_up).exists()
    assert sorted(path.name for path in (here / 'bundles').iterdir()) == ['a', 'use']
    assert (here / 'bundles/a/policy.onnx').is_file()
