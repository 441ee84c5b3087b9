"""Imports run one way between rooms and between their floors; of ros only the twin sees sim."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {
    'moto_core': ROOT / 'moto_core',
    'moto_sim': ROOT / 'sim' / 'moto_sim',
    'moto_learning': ROOT / 'moto_learning',
    'moto_ros': ROOT / 'moto_ros',
}
ALLOWED = {
    'moto_core': {'moto_core'},
    'moto_sim': {'moto_core', 'moto_sim'},
    'moto_learning': {'moto_core', 'moto_sim', 'moto_learning'},
    'moto_ros': {'moto_core', 'moto_ros'},
}
FORBIDDEN = {
    'moto_core': {'torch', 'mujoco', 'rclpy', 'gymnasium'},
    'moto_sim': {'torch', 'rclpy'},
    'moto_learning': {'rclpy', 'sensor_msgs', 'std_msgs'},
    'moto_ros': {'torch', 'mujoco', 'gymnasium'},
}

FLOORS = {  # room: floor: the floors of the same room that it may use
    'moto_core': {'guard': set(), 'episodes': set(), 'policy': set()},
    'moto_learning': {
        'data': set(),
        'exchange': set(),
        'model': set(),
        'agents': {'model'},
        'run': {'agents', 'model', 'data'},
        'export': {'run', 'agents', 'model', 'data'},
        'classifier': {'run', 'agents', 'model', 'data'},
        'report': {'rounds', 'run', 'agents', 'model', 'data'},
        'rounds': {'export', 'run', 'data'},
        'commands': {
            *('report', 'export', 'rounds', 'classifier', 'run', 'agents', 'data', 'exchange')
        },
    },
    'moto_ros': {
        'loops': set(),
        'wire': set(),
        'nodes': {'loops', 'wire'},
        'bringup': {'loops', 'wire'},
        'console': {'bringup', 'loops', 'wire'},
        'chaos': {'bringup', 'loops', 'nodes', 'wire'},
    },
}


def imported(path):
    """Every module a file imports, anywhere in it, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def test_imports_run_in_one_direction():
    wrong, seen = [], 0
    for room, folder in ROOMS.items():
        for path in folder.rglob('*.py'):
            for name in imported(path):
                top = name.split('.')[0]
                allowed = ALLOWED[room] | ({'moto_sim'} if path.name.startswith('twin') else set())
                seen += top in ROOMS
                if (top in ROOMS and top not in allowed) or top in FORBIDDEN[room]:
                    wrong.append(f'{path.relative_to(ROOT)} imports {name}')
    assert not wrong, '\n'.join(wrong)
    assert seen > 50


@pytest.mark.parametrize('room', FLOORS)
def test_floors_import_only_the_floors_below_them(room):
    wrong, seen = [], 0
    folders = {path.name for path in ROOMS[room].iterdir() if (path / '__init__.py').exists()}
    assert folders == set(FLOORS[room])
    for path in ROOMS[room].rglob('*.py'):
        floor = path.relative_to(ROOMS[room]).parts[0]
        # what lies beside the folders (errors, config, spec) is below all of them
        allowed = FLOORS[room].get(floor, set()) | {floor}
        for name in imported(path):
            parts = name.split('.')
            if parts[0] == room and len(parts) > 1 and parts[1] in FLOORS[room]:
                seen += 1
                if parts[1] not in allowed:
                    wrong.append(f'{path.relative_to(ROOT)} imports {name}')
    assert not wrong, '\n'.join(wrong)
    assert seen > 10


def test_the_loops_of_ros_import_without_rclpy():
    code = (
        f'import importlib, sys\nsys.path[:0] = {[str(ROOT), str(ROOT / "sim")]!r}\n'
        'for name in ("rclpy", "sensor_msgs", "std_msgs"): sys.modules[name] = None\n'
        'for name in {names!r}: importlib.import_module(name)\n'
    )
    names = [f'moto_ros.loops.{p.stem}' for p in (ROOMS['moto_ros'] / 'loops').glob('[!_]*.py')]
    assert len(names) >= 4
    result = subprocess.run(
        [sys.executable, '-c', code.format(names=names)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr


def test_no_imports_are_relative():
    wrong = [
        f'{path}:{node.lineno}'
        for folder in ROOMS.values()
        for path in folder.rglob('*.py')
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not wrong


def test_modules_import_each_other_without_a_cycle():
    modules = {}
    for room, folder in ROOMS.items():
        for path in folder.rglob('*.py'):
            parts = path.relative_to(folder).with_suffix('').parts
            modules['.'.join((room, *parts)).removesuffix('.__init__')] = path
    graph = {
        name: {
            other
            for other in imported(path)
            if other in modules and other != name and other not in ROOMS
        }
        for name, path in modules.items()
    }
    order = list(TopologicalSorter(graph).static_order())
    assert set(modules) <= set(order)


@pytest.mark.parametrize(
    'room, blocked',
    [
        ('moto_core', ('torch', 'mujoco', 'rclpy', 'gymnasium', 'matplotlib')),
        ('moto_sim', ('torch', 'rclpy')),
    ],
)
def test_a_room_imports_with_what_it_may_not_need_blocked(room, blocked):
    names = [
        '.'.join((room, *p.relative_to(ROOMS[room]).with_suffix('').parts))
        for p in ROOMS[room].rglob('*.py')
        if p.name != '__init__.py'
    ]
    assert len(names) >= 5
    code = (
        f'import importlib, sys\nsys.path[:0] = {[str(ROOT), str(ROOT / "sim")]!r}\n'
        f'for name in {blocked!r}: sys.modules[name] = None\n'
        f'for name in {names!r}: importlib.import_module(name)\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
