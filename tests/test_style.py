"""What a reader may rely on in every file, beyond what ruff can tell."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ('moto_core', 'sim', 'moto_learning', 'moto_ros', 'examples', 'benchmarks', 'scripts')
TABLES = {'Topic'}  # whose lines stand under one another, the columns named above them
MOST = 3


def syntax_trees():
    return {
        path: ast.parse(path.read_text())
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob('*.py'))
    }


def records(trees):
    """Every NamedTuple and dataclass of more than MOST fields, by name."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                about = ' '.join(map(ast.unparse, (*node.bases, *node.decorator_list)))
                fields = sum(isinstance(line, ast.AnnAssign) for line in node.body)
                if fields > MOST and ('NamedTuple' in about or 'dataclass' in about):
                    yield node.name


def built_by_position(tree, names):
    """The lines that give a record of `names` more than MOST values, or a starred list of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') in names:
            starred = any(isinstance(value, ast.Starred) for value in node.args)
            if starred or len(node.args) > MOST:
                yield node.lineno


def test_records_of_more_than_three_fields_are_built_by_keyword():
    trees = syntax_trees()
    names = {*records(trees.values())} - TABLES
    wrong = [
        f'{path.relative_to(ROOT)}:{line}'
        for path, tree in trees.items()
        for line in built_by_position(tree, names)
    ]
    assert not wrong, wrong
    assert {'Row', 'GuardOutput', 'Finding'} <= names


@pytest.mark.parametrize(
    'call, lines', [('P(1, 2, 3, 4)', [1]), ('P(*x)', [1]), ('P(1, 2, 3, d=4)', []), ('Q(*x)', [])]
)
def test_a_record_built_by_position_is_found(call, lines):
    assert list(built_by_position(ast.parse(call), {'P'})) == lines
