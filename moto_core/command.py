"""What every command does alike: its arguments, one-line errors, Ctrl-C, a closed pipe.

In: a parser and the command's body. Out: an exit code: the body's, 2 after a one-line error, 130
after Ctrl-C. Nothing is imported here that takes time: a command's own module imports this one
first and everything else inside `importing`.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress, pairwise
from pathlib import Path
from types import FrameType
from typing import NoReturn

from moto_core.errors import ConfigError, MotoError
from moto_core.packages import missing

SETTING = re.compile(r'[a-z_][a-z0-9_]*(\.[a-z0-9_]+)*=')
FAILED, STOPPED, CLOSED = 2, 130, 141  # exit codes; the last two as a shell gives them
PR_SET_PDEATHSIG = 1  # linux/prctl.h
AGAIN = 0.01  # [s] until an interrupt that was lost comes again

SPINS = '1000'  # of a thread that waits for another: unbounded, a busy machine is 30 times slower


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line; `key=value` may stand between options."""

    def __init__(self, prog: str, description: str | None = None, epilog: str = '') -> None:
        super().__init__(
            prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.set_defaults(prog=prog, stopped='stopped')
        self.add_argument('--version', action=_Version, nargs=0, help='print the version and stop')

    def error(self, message: str) -> NoReturn:
        """Raises ArgumentsError in place of a page of usage."""
        raise ArgumentsError(self.prog, message)


class _Version(argparse.Action):
    """Prints the version, which is read from a file only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from moto_core.version import version

        sys.stdout.write(f'{parser.prog} {version()}\n')
        parser.exit()


class ArgumentsError(ConfigError):
    """Arguments that a command, or its subcommand, does not take."""

    def __init__(self, prog: str, message: str) -> None:
        super().__init__(f'{message}; {prog} --help says what is valid')
        self.prog = prog


def run_command(
    parser: Callable[[], Parser],
    body: Callable[[argparse.Namespace], int],
    argv: Sequence[str] | None = None,
) -> int:
    """Runs `body` on the arguments (default: the process's) and returns the exit code.

    A MotoError, an OSError, a missing package and Ctrl-C become one line on stderr, after
    the command's name; the namespace's `stopped` says what Ctrl-C leaves.
    """
    args = argparse.Namespace(prog=Path(sys.argv[0]).name, stopped='stopped')
    if argv is None:
        sys.unraisablehook = _again
        signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        made = parser()
        args.prog = made.prog
        args = _parse(made, argv)
        code = body(args)
        sys.stdout.flush()
        return code
    except ArgumentsError as error:
        return _end(FAILED, f'{error.prog}: {error}')
    except MotoError as error:
        return _end(FAILED, f'{args.prog}: {error}')
    except ImportError as error:
        if said := missing(error):
            return _end(FAILED, f'{args.prog}: {said}')
        raise
    except KeyboardInterrupt:
        return _end(STOPPED, f'{args.prog}: {args.stopped}')
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except OSError as error:
        place = f"'{error.filename}': " if error.filename else ''
        return _end(FAILED, f'{args.prog}: {place}{error.strerror or error}')
    finally:
        if argv is None:  # the process's own end: nothing is left that Ctrl-C could disturb
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _again(lost: sys.UnraisableHookArgs) -> None:
    """Raises a Ctrl-C again, a moment later, that fell into a finalizer: Python drops it there."""
    if lost.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
    else:
        sys.__unraisablehook__(lost)


@contextmanager
def importing(args: argparse.Namespace) -> Iterator[None]:
    """Ends the process at once on Ctrl-C: an import can swallow it or be left half done.

    What is imported finds GOMP_SPINCOUNT set, unless the user did: OpenMP reads it only then.
    """
    os.environ.setdefault('GOMP_SPINCOUNT', SPINS)

    def leave(number: int, frame: FrameType | None) -> None:
        os.write(2, f'{args.prog}: {args.stopped}\n'.encode())
        os._exit(STOPPED)

    earlier = signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


def end_with_parent() -> None:
    """Asks Linux for a SIGTERM when the parent dies, however it does: Popen's preexec_fn."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """Returns an argument's type: a whole number of at least `low` and at most `high`."""

    def convert(text: str) -> int:
        limit = '' if high is None else f' and at most {high}'
        wrong = argparse.ArgumentTypeError(
            f"'{text[:40]}' is not a whole number of at least {low}{limit}"
        )
        try:
            value = int(text)
        except ValueError:
            raise wrong from None
        if value < low or value > (high if high is not None else 2**63 - 1):
            raise wrong
        return value

    return convert


def real(low: float, below: float) -> Callable[[str], float]:
    """Returns an argument's type: a number of at least `low` and below `below`."""

    def convert(text: str) -> float:
        wrong = argparse.ArgumentTypeError(
            f"'{text[:40]}' is not a number of at least {low:g} and below {below:g}"
        )
        try:
            value = float(text)
        except ValueError:
            raise wrong from None
        if not (math.isfinite(value) and low <= value < below):
            raise wrong
        return value

    return convert


def output_folder(option: str, path: Path | str) -> Path:
    """Makes the folder that an option names and returns it; raises ConfigError if it cannot."""
    return _make_folder(Path(path), f"cannot write {option} '{path}'")


def output_file(option: str, path: Path | str) -> Path:
    """Makes the folder of the file that an option names; raises ConfigError if it cannot be."""
    failed = f"cannot write {option} '{path}'"
    _make_folder(Path(path).parent, failed)
    if os.path.isdir(path):
        raise ConfigError(f'{failed}: it is a folder; expected the name of a file')
    return Path(path)


def _make_folder(folder: Path, failed: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except (OSError, ValueError) as error:
        raise ConfigError(f'{failed}: {getattr(error, "strerror", None) or error}') from error
    if not writable:
        raise ConfigError(f'{failed}: the folder belongs to somebody else')
    return folder


def _parse(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    argv = sys.argv[1:] if argv is None else argv
    commands = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not commands:
        if any(action.dest == 'settings' for action in parser._actions):
            settings, others = _settings(argv)  # after `--seeds 0 1` one would be one more seed
            args = parser.parse_intermixed_args(others)
            args.settings = [*settings, *args.settings]
            return args
        return parser.parse_intermixed_args(argv)
    named = next((word for word in argv if word in commands[0].choices), '')
    if not named or commands[0].choices[named].get_default('settings') is None:
        return parser.parse_args(argv)
    settings, others = _settings(argv)
    args, left = parser.parse_known_args(others)
    if wrong := [word for word in left if not SETTING.match(word)]:
        parser.error(f'unrecognized arguments: {" ".join(wrong)}')
    args.settings = [*settings, *left]  # what comes right after a flag is none of its
    return args


def _settings(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the words that are key=value, and the others.

    What comes right after an option stays: `--out a=b` is the option's own.
    """
    own = [
        not SETTING.match(one) or before.startswith('-') for before, one in pairwise(['', *argv])
    ]
    return list(compress(argv, (not stays for stays in own))), list(compress(argv, own))


def _end(code: int, line: str) -> int:
    sys.stderr.write(line + '\n')
    return code
