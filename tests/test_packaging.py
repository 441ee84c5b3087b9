"""What pip and colcon are told: one version, real commands, bounded and pinned requirements."""

import importlib
import os
import re
import runpy
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from xml.etree import ElementTree

import pytest
import setuptools
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from moto_core.config import share_dir
from moto_core.version import version

ROOT = Path(__file__).parents[1]
SETUP = ('cpu', 'train', 'sim', 'ros', 'console', 'dev')  # the extras of `make setup`
DISTRIBUTIONS_NUMPY = Version('1.26.4')  # of Ubuntu 24.04, under ROS 2 Jazzy's cv_bridge


@pytest.fixture
def told(monkeypatch):
    """What setup.py tells setuptools."""
    given = {}
    monkeypatch.setattr(setuptools, 'setup', lambda **arguments: given.update(arguments))
    runpy.run_path(str(ROOT / 'setup.py'))
    return given


def requirements(told, *extras):
    lines = [*told['install_requires'], *(r for e in extras for r in told['extras_require'][e])]
    return [Requirement(line) for line in lines]


def holds(need, *extras):
    """Says whether a requirement counts here, with some extras of the distribution it is of."""
    return need.marker is None or any(need.marker.evaluate({'extra': e}) for e in (*extras, ''))


def closure(wanted):
    """Every distribution that these requirements bring here: name -> installed distribution."""
    found, queue = {}, [(r.name, r.extras) for r in wanted]
    while queue:
        name, extras = queue.pop()
        key = canonicalize_name(name)
        if key in found and not extras:
            continue
        found[key] = distribution(name)
        for line in found[key].requires or []:
            need = Requirement(line)
            if holds(need, *extras) and canonicalize_name(need.name) not in found:
                queue.append((need.name, need.extras))
    return found


def pins(name):
    """The constraints of a file that hold for this Python: name -> specifier."""
    lines = (line.partition('#')[0].strip() for line in (ROOT / name).read_text().splitlines())
    read = [Requirement(line) for line in lines if line]
    return {canonicalize_name(r.name): r for r in read if r.marker is None or r.marker.evaluate()}


def test_the_version_stands_in_one_place(told):
    stated = ElementTree.parse(ROOT / 'package.xml').findtext('version')
    assert re.fullmatch(r'\d+\.\d+\.\d+', stated)
    assert told['version'] == version() == stated
    assert share_dir() == ROOT
    again = [
        path
        for pattern in ('*.py', '*.toml', '*.cfg', 'moto_*/**/*.py', 'sim/**/*.py')
        for path in ROOT.glob(pattern)
        if stated in path.read_text()
    ]
    assert not again, 'the version is written again'


def test_setup_works_through_a_link_as_colcon_makes_one(tmp_path):
    (tmp_path / 'setup.py').symlink_to(ROOT / 'setup.py')
    line = [sys.executable, 'setup.py', '--version']
    result = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[-1] == version()


def test_the_maintainers_address_is_one_that_colcon_takes_and_no_invented_domain():
    # colcon builds the package as plain Python, without a word, where catkin_pkg's rule fails
    address = ElementTree.parse(ROOT / 'package.xml').find('maintainer').get('email')
    assert re.fullmatch(r'[-\w%+]+(\.[-\w%+]+)*@[-\w%]+(\.[-\w%]+)*\.[a-zA-Z]{2,}', address)
    assert address.rsplit('.', 1)[1] == 'invalid', 'the domain is not a reserved one'


def test_every_console_command_exists(told):
    scripts = told['entry_points']['console_scripts']
    assert len(scripts) >= 11
    for script in scripts:
        module, _, function = script.partition(' = ')[2].partition(':')
        path = ROOT / Path(*module.split('.')).with_suffix('.py')
        assert path.is_file(), f'{script}: no {path.relative_to(ROOT)}'
        assert re.search(rf'^def {function}\(', path.read_text(), re.M), script


@pytest.mark.parametrize('name', ['data', 'train', 'eval', 'export', 'report', 'demo'])
def test_a_command_says_its_version(name, capsys):
    main = importlib.import_module(f'moto_learning.commands.{name}').main
    with pytest.raises(SystemExit) as ended:
        main(['--version'])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f'moto-{name} {version()}\n'


def test_every_package_of_the_tree_is_installed(told):
    folders = {
        '.'.join(path.parent.relative_to(ROOT).parts).removeprefix('sim.')
        for room in ('moto_core', 'moto_learning', 'moto_ros', 'sim/moto_sim')
        for path in (ROOT / room).rglob('__init__.py')
    }
    assert set(told['packages']) == folders


def test_every_file_that_a_package_reads_beside_its_code_is_installed(told):
    beside = [
        path
        for room in ('moto_core', 'moto_learning', 'moto_ros', 'sim/moto_sim')
        for path in (ROOT / room).rglob('*')
        if path.is_file() and path.suffix not in ('.py', '.pyc')
    ]
    patterns = [
        ROOT / package / pattern
        for package, several in told['package_data'].items()
        for pattern in several
    ]
    assert beside
    assert not [path for path in beside if not any(path.match(str(one)) for one in patterns)]


def test_every_requirement_has_an_upper_bound(told):
    lines = [*told['install_requires'], *sum(told['extras_require'].values(), [])]
    open_ended = [
        line
        for line in lines
        if not any(s.operator in ('<', '<=', '==', '~=') for s in Requirement(line).specifier)
    ]
    assert not open_ended
    assert len(lines) > 30


def test_onnxruntime_comes_once_whatever_is_asked_for(told):
    extras = told['extras_require']
    brings = {
        name: {r.name for r in requirements(told, name)} & {'onnxruntime', 'onnxruntime-gpu'}
        for name in extras
    }
    assert brings.pop('gpu') == {'onnxruntime-gpu'}
    assert brings.pop('cpu') == brings.pop('robot') == {'onnxruntime'}
    assert not any(brings.values()), 'an extra beside cpu, gpu and robot brings one of them'
    brought = closure(requirements(told, 'train', 'sim', 'ros', 'dev'))
    assert not {'onnxruntime', 'onnxruntime-gpu'} & set(brought)


def test_nothing_on_a_robot_replaces_the_distributions_numpy_or_opencv(told):
    wanted = requirements(told, 'robot')
    assert not [r for r in wanted if r.name.startswith('opencv')]
    brought = closure(wanted)
    for name, installed in brought.items():
        for line in installed.requires or []:
            need = Requirement(line)
            if need.name == 'numpy' and (
                need.marker is None or need.marker.evaluate({'extra': ''})
            ):
                assert DISTRIBUTIONS_NUMPY in need.specifier, f'{name} needs {need}'
    assert all(DISTRIBUTIONS_NUMPY in r.specifier for r in wanted if r.name == 'numpy')
    robot, tested = pins('constraints-robot.txt'), pins('constraints.txt')
    assert DISTRIBUTIONS_NUMPY in robot['numpy'].specifier
    assert Version('2.0') not in robot['numpy'].specifier
    assert set(brought) <= set(robot)
    different = {n for n in robot if n != 'numpy' and robot[n].specifier != tested[n].specifier}
    assert not different, 'pinned to another version than constraints.txt'


def test_the_constraints_name_exactly_what_the_tests_run_with(told):
    try:
        installed = closure(requirements(told, *SETUP))
    except PackageNotFoundError as missing:
        pytest.skip(f'{missing} is not installed here: not a venv of `make setup`')
    pinned = pins('constraints.txt')
    assert not set(installed) - set(pinned), 'brought by make setup and not pinned'
    for name, found in installed.items():
        assert Version(found.version) in pinned[name].specifier, f'{name} {found.version} is here'
        assert str(pinned[name].specifier).startswith('=='), name


def test_every_pin_fits_the_bounds_of_setup(told):
    pinned = pins('constraints.txt')
    for need in requirements(told, *SETUP):
        spec = pinned[canonicalize_name(need.name)].specifier
        exact = str(spec).removeprefix('==')
        assert Version(exact) in need.specifier, f'{need} and {spec}'


def test_pins_that_an_older_python_cannot_have_say_so():
    marked = {
        canonicalize_name(Requirement(line).name)
        for line in (ROOT / 'constraints.txt').read_text().splitlines()
        if ';' in line
    }
    for name in pins('constraints.txt'):
        try:
            needs = distribution(name).metadata['Requires-Python'] or ''
        except PackageNotFoundError:
            continue
        assert ('3.11' in needs and '>=3.11' in needs) == (name in marked), f'{name}: {needs}'


def test_a_missing_onnxruntime_says_what_to_install():
    code = (
        f'import sys; sys.path.insert(0, {str(ROOT)!r}); sys.modules["onnxruntime"] = None\n'
        'import moto_core.policy.onnx_session'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.endswith("pip install -c constraints.txt '.[cpu]' (or gpu; robot on a robot)")


def test_make_says_what_it_installs_with_sudo_before_it_does(tmp_path):
    log = tmp_path / 'log'
    for name, body in (
        ('dpkg', 'exit 1'),  # nothing is installed
        ('apt-get', f'echo "apt-get $*" >> {log}'),
        ('sudo', f'echo "sudo $*" >> {log}; exec "$@"'),
        ('id', 'echo 1000'),
    ):
        (tmp_path / name).write_text(f'#!/bin/sh\n{body}\n')
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}'}
    result = subprocess.run(
        ['make', '-s', 'apt', f'VENV={tmp_path / "venv"}'],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    packages = [
        line
        for line in (ROOT / 'apt-packages.txt').read_text().splitlines()
        if not line.startswith('#')
    ]
    said = result.stdout.splitlines()
    done = log.read_text().splitlines()
    assert said[0].startswith('Installing the system packages that are missing')
    for command in said[1:]:
        assert command.strip() in done, 'said but not done'
    assert all(f' {name}' in said[-1] for name in packages)
    assert len([line for line in done if line.startswith('sudo')]) == len(said) - 1


def test_the_hooks_are_local_and_run_what_make_lint_runs():
    config = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())
    assert [repository['repo'] for repository in config['repos']] == ['local']
    hooks = [hook['entry'] for hook in config['repos'][0]['hooks']]
    lint = re.search(r'^lint:.*\n((?:\t.*\n)+)', (ROOT / 'Makefile').read_text(), re.M)[1]
    wanted = [line.strip().replace('$(BIN)', '.venv/bin') for line in lint.splitlines()]
    assert wanted == hooks[:3]
    tests = [word for hook in hooks for word in hook.split() if word.startswith('tests/')]
    assert tests == ['tests/test_layers.py']


def test_mypy_lets_no_module_pass_unseen_and_is_strict_about_the_core():
    tomllib = pytest.importorskip('tomllib', reason='comes with Python 3.11')
    config = tomllib.loads((ROOT / 'pyproject.toml').read_text())['tool']['mypy']
    assert 'ignore_missing_imports' not in config
    passed = [o for o in config['overrides'] if o.get('ignore_missing_imports')]
    assert all(not name.startswith(('moto_', '*')) for o in passed for name in o['module'])
    core = next(o for o in config['overrides'] if o['module'] == 'moto_core.*')
    assert core['disallow_any_generics'] and core['warn_return_any']


def test_moto_up_says_its_version_without_ros():
    code = (
        f'import sys; sys.path[:0] = {[str(ROOT), str(ROOT / "sim")]!r}\n'
        'sys.modules["rclpy"] = None; sys.argv = ["moto-up", "--version"]\n'
        'from moto_ros.bringup.up import main; sys.exit(main())'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, f'moto-up {version()}\n'), result.stderr
