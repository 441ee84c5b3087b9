"""What every command does alike: one line an error, exit codes, Ctrl-C, a closed pipe."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from moto_core.command import (
    Parser,
    importing,
    output_file,
    output_folder,
    real,
    run_command,
    whole,
)
from moto_core.errors import ConfigError

ROOT = Path(__file__).parents[2]


def parser():
    made = Parser('moto-cart', 'pulls')
    made.add_argument('--wheels', type=whole(2, 6), default=4)
    made.add_argument('--slope', type=real(0, below=1), default=0.5)
    made.add_argument('--seeds', nargs='+', type=whole(0), default=[])
    made.add_argument('--name')
    made.add_argument('settings', nargs='*')
    return made


def run(body, *arguments):
    return run_command(parser, body, arguments)


def raising(error):
    def body(args):
        raise error

    return body


def test_a_setting_is_none_of_the_values_before_it_but_an_options_own():
    seen = {}
    words = ['--seeds', '0', '1', 'a.b=1', '--name', 'c=2', '--wheels', '3', 'd=3']
    assert run(lambda args: seen.update(vars(args)) or 0, *words) == 0
    assert (seen['seeds'], seen['name'], seen['wheels']) == ([0, 1], 'c=2', 3)
    assert seen['settings'] == ['a.b=1', 'd=3']


def test_settings_take_no_other_words_place_and_what_is_none_stays_among_them():
    def with_a_place():
        made = Parser('moto-cart', 'pulls')
        made.add_argument('place')
        made.add_argument('--wheels', type=whole(2, 6), default=4)
        made.add_argument('settings', nargs='*')
        return made

    seen = {}
    words = ['a=1', 'barn', '--wheels', '3', 'b=2', 'nonsense']
    assert run_command(with_a_place, lambda args: seen.update(vars(args)) or 0, words) == 0
    assert (seen['place'], seen['settings']) == ('barn', ['a=1', 'b=2', 'nonsense'])


def of_subcommands():
    made = Parser('moto-cart', 'pulls')
    commands = made.add_subparsers(dest='command', required=True)
    part = commands.add_parser('pull')
    part.add_argument('--fast', action='store_true')
    part.add_argument('--name')
    part.set_defaults(settings=[])
    return made


def test_a_subcommands_flag_takes_no_setting_that_comes_after_it():
    seen = {}
    words = ['pull', '--fast', 'a=1', '--name', 'b=2', 'c.d=3']
    assert run_command(of_subcommands, lambda args: seen.update(vars(args)) or 0, words) == 0
    assert (seen['fast'], seen['name']) == (True, 'b=2')
    assert sorted(seen['settings']) == ['a=1', 'c.d=3']


def test_a_subcommand_with_settings_takes_no_other_word(capsys):
    assert run_command(of_subcommands, lambda args: 0, ['pull', '--fast', 'nonsense']) == 2
    assert 'unrecognized arguments: nonsense' in capsys.readouterr().err


def test_settings_may_stand_between_options():
    seen = {}
    assert run(lambda args: seen.update(vars(args)) or 7, 'a=1', '--wheels', '3', 'b=2') == 7
    assert (seen['settings'], seen['wheels']) == (['a=1', 'b=2'], 3)


@pytest.mark.parametrize(
    ('error', 'code', 'says'),
    [
        (ConfigError('no wheel; fit one'), 2, 'moto-cart: no wheel; fit one\n'),
        (KeyboardInterrupt(), 130, 'moto-cart: stopped\n'),
        (
            PermissionError(13, 'Permission denied', '/barn'),
            2,
            "moto-cart: '/barn': Permission denied\n",
        ),
        (OSError(28, 'No space left on device'), 2, 'moto-cart: No space left on device\n'),
    ],
)
def test_an_expected_end_is_one_line_with_its_code(capsys, error, code, says):
    assert run(raising(error)) == code
    assert capsys.readouterr().err == says


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda args: 1 // 0)


@pytest.mark.parametrize(
    'arguments',
    [
        ('--wheels', '1'),
        ('--wheels', '7'),
        ('--wheels', '-2'),
        ('--wheels', 'x'),
        ('--wheels', '1.5'),
        ('--wheels', '9' * 5000),
        ('--slope', '1'),
        ('--slope', '-0.1'),
        ('--slope', 'nan'),
        ('--slope', 'inf'),
        ('--horses', '2'),
    ],
)
def test_a_wrong_argument_is_one_line_that_names_it(capsys, arguments):
    assert run(lambda args: 0, *arguments) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert said.startswith('moto-cart: ') and arguments[0] in said


def test_the_limits_themselves_are_allowed():
    assert [whole(2, 6)(text) for text in ('2', '6')] == [2, 6]
    assert real(0, below=1)('0') == 0


def test_a_folder_is_made_and_what_cannot_be_one_is_refused(tmp_path):
    assert output_folder('--out', tmp_path / 'a' / 'b').is_dir()
    (tmp_path / 'file').write_text('precious')
    for path in (tmp_path / 'file', tmp_path / 'file' / 'x', Path('/proc/none'), 'n' * 5000):
        with pytest.raises(ConfigError, match='cannot write --out '):
            output_folder('--out', path)
    with pytest.raises(ConfigError, match='cannot write --out '):
        output_folder('--out', 'a\0b')
    assert (tmp_path / 'file').read_text() == 'precious'


def test_the_folder_of_a_file_is_made_and_a_folder_is_no_file(tmp_path):
    assert output_file('--json', tmp_path / 'a' / 'b.json').parent.is_dir()
    with pytest.raises(ConfigError, match='cannot write --json .*: it is a folder'):
        output_file('--json', tmp_path)


def test_a_closed_pipe_ends_without_a_traceback():
    code = (
        'import sys\n'
        'from moto_core.command import Parser, run_command\n'
        'def body(args):\n'
        '    for _ in range(100_000): print("row")\n'
        '    return 0\n'
        'sys.exit(run_command(lambda: Parser("moto-cart"), body, []))\n'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == 'row\n'
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ''
    assert process.wait(30) == 141


def test_ctrl_c_while_a_process_ends_shows_no_traceback():
    code = (
        'import atexit, sys, time\n'
        'from moto_core.command import Parser, run_command\n'
        'atexit.register(lambda: (print("ends", flush=True), time.sleep(30)))\n'
        'sys.argv[1:] = []\n'
        'sys.exit(run_command(lambda: Parser("moto-cart"), lambda args: 0))\n'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == 'ends\n'
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (-signal.SIGINT, '')


def test_importing_restores_what_ctrl_c_did():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ImportError), importing(argparse.Namespace(prog='p', stopped='s')):
        assert signal.getsignal(signal.SIGINT) is not before
        raise ImportError
    assert signal.getsignal(signal.SIGINT) is before


def test_a_ctrl_c_that_falls_into_a_finalizer_is_not_lost():
    code = (
        'import os, signal, sys, time, weakref\n'
        f'sys.path.insert(0, {str(ROOT)!r})\n'
        'from moto_core.command import Parser, run_command\n'
        'class Thing: pass\n'
        'def body(args):\n'
        '    thing = Thing()\n'
        '    weakref.finalize(thing, os.kill, os.getpid(), signal.SIGINT)\n'
        '    del thing\n'
        '    time.sleep(20)\n'
        '    return 0\n'
        "sys.exit(run_command(lambda: Parser('moto-x'), body))\n"
    )
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=15
    )
    assert (result.returncode, result.stderr) == (130, 'moto-x: stopped\n')


def test_what_is_imported_does_not_spin_for_long_unless_the_user_says_so(monkeypatch):
    monkeypatch.delenv('GOMP_SPINCOUNT', raising=False)
    with importing(argparse.Namespace(prog='p', stopped='s')):
        assert os.environ['GOMP_SPINCOUNT'] == '1000'
    monkeypatch.setenv('GOMP_SPINCOUNT', '7')
    with importing(argparse.Namespace(prog='p', stopped='s')):
        assert os.environ['GOMP_SPINCOUNT'] == '7'
