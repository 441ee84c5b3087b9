"""The table of mutations fits the source, and a mutation that no test sees is called so."""

import ast
import re
import subprocess
import tempfile
from dataclasses import replace

import pytest

from moto_core.errors import ConfigError, MotoError
from scripts import mutate
from scripts.mutate import GROUPS, ROOT, Mutation, choose, load, mutated, parts, try_out
from tests.test_docs import SAFETY, definitions, rows

TABLE = load()
SEVEN = 'all_seven_at_once'


@pytest.mark.parametrize('name', TABLE)
def test_every_mutation_fits_its_file_once_and_names_tests_that_exist(name):
    mutation = TABLE[name]
    for part in parts(mutation, TABLE):
        text = (ROOT / part.file).read_text()
        changed = mutated(part, text)
        if part.file.endswith('.py'):
            ast.parse(changed)
        assert changed != text, 'it changes nothing'
    for test in mutation.tests:
        path, _, function = test.partition('::')
        assert (ROOT / path).exists(), test
        assert not function or function in definitions(ROOT / path), test


def test_every_rule_is_broken_and_the_seven_by_themselves_and_together():
    broken = ' '.join(mutation.breaks for mutation in TABLE.values())
    numbers = {int(row[0]) for row in rows(SAFETY, 5) if row[0].isdigit()}
    assert {int(number) for number in re.findall(r'rule (\d+):', broken)} == numbers
    assert len(TABLE[SEVEN].of) == 7 and set(TABLE[SEVEN].of) <= set(TABLE)
    faults = {row[0] for row in rows(SAFETY, 4) if row[0].isdigit()}
    assert set(re.findall(r'fault (\d+):', broken)) <= faults
    assert {mutation.group for mutation in TABLE.values()} == set(GROUPS)


ONE = Mutation(
    name='one',
    group='core',
    breaks='a rule',
    tests=['test_rule.py'],
    file='rule.py',
    before='if x > 1:\n    return 1',
    after='if x > 2:\n    return 1',
)
SOURCE = 'def rule(x):\n    if x > 1:\n        return 1\n    return x\n'


def test_lines_are_found_at_any_depth_and_keep_it():
    assert mutated(ONE, SOURCE) == SOURCE.replace('x > 1', 'x > 2')
    assert mutated(replace(ONE, after=''), SOURCE) == 'def rule(x):\n    return x\n'


@pytest.mark.parametrize(
    'text, times', [('def rule(x):\n    return x\n', 0), (SOURCE + SOURCE, 2), ('', 0)]
)
def test_lines_that_do_not_stand_there_once_are_an_error_that_names_the_mutation(text, times):
    with pytest.raises(ConfigError, match=f"mutation 'one': its lines stand {times} times in"):
        mutated(ONE, text)


def test_an_unknown_name_or_key_names_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="unknown mutation 'estop_ignord'. Did you mean 'estop_"):
        choose(TABLE, GROUPS, ['estop_ignord'])
    (tmp_path / 'core.yaml').write_text('- {name: a, brakes: b}')
    with pytest.raises(
        ConfigError, match="core.yaml: unknown key 'brakes'. Did you mean 'breaks'"
    ):
        load(tmp_path)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout of one rule and its test, and an empty place for copies."""
    root, copies = tmp_path / 'project', tmp_path / 'copies'
    root.mkdir()
    copies.mkdir()
    (root / 'rule.py').write_text(SOURCE)
    (root / 'test_rule.py').write_text(
        'from rule import rule\n\ndef test_at_most_one():\n    assert rule(2) == 1\n'
    )
    subprocess.run(['git', 'init', '-q'], cwd=root, check=True)
    monkeypatch.setattr(tempfile, 'tempdir', str(copies))
    monkeypatch.setenv('PYTEST_ADDOPTS', '')
    yield root
    assert (root / 'rule.py').read_text() == SOURCE
    assert not list(copies.iterdir())


@pytest.mark.parametrize(
    'after, patience, verdict, by',
    [
        ('if x > 2:\n    return 1', 60.0, 'caught', 'test_rule.py::test_at_most_one'),
        ('if x >= 1:\n    return 1', 60.0, 'SURVIVED', ''),
        ('if x >', 60.0, 'UNKNOWN', 'pytest ended with 2'),
        ('while x:\n    pass', 3.0, 'UNKNOWN', 'no end within 3 s'),
    ],
)
def test_a_mutation_is_caught_only_if_a_test_fails_and_leaves_nothing(
    project, after, patience, verdict, by
):
    said = try_out(replace(ONE, after=after), {}, project, patience)
    assert (said.name, said.verdict) == ('one', verdict)
    assert said.by.startswith(by) and bool(said.by) == bool(by)


def test_tests_that_fail_anyway_are_no_witness(project):
    (project / 'test_rule.py').write_text('def test_it():\n    assert False\n')
    with pytest.raises(MotoError, match='without a mutation pytest ends with 1, expected 0'):
        mutate.check_unbroken([ONE], project, 60.0)


@pytest.mark.slow
@pytest.mark.parametrize('group', GROUPS)
def test_every_mutation_is_caught(group):
    if group == 'nodes':
        pytest.importorskip('rclpy', reason="rclpy comes with pip install '.[ros]'")
    assert mutate.main(['--group', group]) == 0
