"""Prints constraints.txt: the exact version of everything that pip installed into this venv.

.venv/bin/python .ci/freeze.py > constraints.txt, after `make test` is green in a venv made
without constraints (make setup CONSTRAINTS=).
"""

from importlib.metadata import distributions

OLDEST = '>=3.11'  # a version that Python 3.10 cannot have is pinned for 3.11 and newer only


def line(name: str, version: str, python: str) -> str:
    """Returns a constraint; a local build's suffix (+cpu) is left out, so that any build fits."""
    marker = '; python_version >= "3.11"' if OLDEST in python else ''
    return f'{name.lower()}=={version.partition("+")[0]}{marker}'


def main() -> None:
    """Prints the file, without pip, moto_ros and what the ROS wheels unpack beside themselves."""
    print('# What `make setup` installs and the tests were run with. Made by .ci/freeze.py.')
    for lines in sorted(
        line(d.metadata['Name'], d.version, d.metadata['Requires-Python'] or '')
        for d in distributions()
        if (d.read_text('INSTALLER') or '').strip() == 'pip'
        and d.metadata['Name'] not in ('pip', 'moto_ros')
    ):
        print(lines)


if __name__ == '__main__':
    main()
