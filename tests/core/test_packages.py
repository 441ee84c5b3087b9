"""A package that is missing: one line that says what brings it."""

import sys

import pytest

from moto_core import packages
from moto_core.command import Parser, importing, run_command
from moto_core.errors import ConfigError
from moto_core.packages import missing, need


@pytest.mark.parametrize(
    'name, typed',
    [
        ('torch', "'.[train]'"),
        ('mujoco', "'.[sim]'"),
        ('moto_sim', "'.[sim]'"),
        ('cv2', "'.[cpu]'"),
        ('onnxruntime', "'.[cpu]'"),
        ('rclpy', 'source a ROS 2'),
        ('sensor_msgs.msg', 'source a ROS 2'),
    ],
)
def test_what_is_missing_names_the_set_that_brings_it(name, typed):
    said = str(missing(ModuleNotFoundError(f"No module named '{name}'", name=name)))
    assert said.startswith(f'{name.partition(".")[0]} cannot be imported (No module named')
    assert typed in said and '\n' not in said


def test_a_package_that_no_set_brings_is_a_defect():
    assert missing(ModuleNotFoundError("No module named 'foo'", name='foo')) is None
    assert missing(ImportError('half an import')) is None


def test_what_is_needed_is_said_before_anything_begins(monkeypatch):
    there = {'torch': None, 'mujoco': object()}
    monkeypatch.setattr(packages, 'find_spec', there.get)
    need('mujoco')
    with pytest.raises(ConfigError, match=r'torch cannot be imported .*\.\[train\]'):
        need('mujoco', 'torch')


@pytest.mark.parametrize('early', [True, False])
def test_a_command_without_its_package_ends_with_a_line(monkeypatch, capsys, early):
    monkeypatch.setitem(sys.modules, 'metaworld', None)  # as if it were not installed

    def body(args):
        if early:
            with importing(args):
                import metaworld  # noqa: F401
        import metaworld  # noqa: F401

    assert run_command(lambda: Parser('moto-x'), body, []) == 2
    said = capsys.readouterr().err
    assert said.startswith('moto-x: metaworld cannot be imported') and said.count('\n') == 1
    assert "'.[sim]'" in said


def test_a_half_import_of_ours_keeps_its_traceback():
    def body(args):
        with importing(args):
            from moto_core.packages import nothing_of_that_name  # noqa: F401

    with pytest.raises(ImportError, match='nothing_of_that_name'):
        run_command(lambda: Parser('moto-x'), body, [])
