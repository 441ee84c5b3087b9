"""Checkpoints of a tiny learner for tests: saved, signed anew, damaged."""

import json

from moto_core.file_hash import hash_file
from moto_learning.run.checkpoint_files import _hash_meta
from moto_learning.run.checkpoints import save_checkpoint


def save(run, agent, updates, keep=2, **meta):
    state = {'counters': {'offline': updates}}
    about = {'updates': updates, **meta}
    return save_checkpoint(run, agent.state_dict(), state, agent.config, agent.spec, about, keep)


def sign(path):
    """Makes the hashes those of what lies there now."""
    meta = json.loads((path / 'meta.json').read_text())
    meta['hashes'] = {name: hash_file(path / name) for name in ('state.pt', 'config.yaml')}
    meta['hash'] = _hash_meta(meta)
    (path / 'meta.json').write_text(json.dumps(meta))


def change_meta(path, **changes):
    """Writes other words into the meta.json of a checkpoint, as sound as it was."""
    meta = json.loads((path / 'meta.json').read_text())
    (path / 'meta.json').write_text(json.dumps(meta | changes))
    sign(path)


def names(run):
    return sorted(p.name for p in (run / 'checkpoints').iterdir())


def one_line(error):
    return len(str(error.value).splitlines()) == 1


def failing(at, real):
    """Returns `real` that fails like a disk at its call number `at`."""
    calls = []

    def function(self, *args, **kwargs):
        calls.append(self)
        if len(calls) == at:
            raise OSError(5, 'Input/output error')
        return real(self, *args, **kwargs)

    return function


def flip(path, at=5):
    """Flips a bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x80
    path.write_bytes(data)
