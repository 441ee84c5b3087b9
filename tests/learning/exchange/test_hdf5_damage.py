"""HDF5 files that are cut short or have a bit turned: each is named, with what to do about it."""

import os
import random

import h5py
import pytest

from moto_core.config import load_config
from moto_core.errors import DatasetError, MotoError
from moto_learning.commands.data import main
from moto_learning.exchange.hdf5_file import Hdf5File
from moto_learning.exchange.mapping import Mapping
from moto_learning.exchange.offline_hdf5 import ACTIONS, OBSERVATIONS, OfflineFile
from moto_learning.exchange.offline_read import NESTED
from moto_learning.exchange.robomimic_read import open_robomimic
from tests.learning.exchange.damage import flip
from tests.learning.exchange.test_robomimic import FOREIGN, exported

REMEDIES = ('copy or download it again', 'Export it again')
NAMED = (  # what tells of damage by itself: what is missing, or does not fit
    "' has no '",
    'expected',
    'rows',
    'is nan',
    'is no group',
    'is a group',
    'holds',
    'is a link to elsewhere',
)


@pytest.fixture(params=['ours', 'theirs', 'minari', 'd4rl'])
def file(request, tmp_path):
    """A small file of each format, and what reads all of it: (path, read)."""
    made = request.getfixturevalue(request.param)
    if request.param == 'ours':
        return exported(made, tmp_path / 'out.hdf5'), lambda path: drawn(open_robomimic(path))
    if request.param == 'theirs':
        mapping = load_config(Mapping, FOREIGN)
        return made, lambda path: drawn(open_robomimic(path, mapping))
    if request.param == 'minari':
        return made / 'data/main_data.hdf5', lambda path: states(path, NESTED)
    return made, lambda path: states(path, OBSERVATIONS)


def drawn(source):
    for index in range(len(source.places)):
        for _ in source.episode(index).rows:
            pass


def states(path, observations):
    found = OfflineFile(path)
    for index in range(len(found.places)):
        found.numbers(index, ACTIONS)
        found.numbers(index, observations)


def test_a_file_that_is_cut_short_is_named_with_its_bytes_and_a_remedy(file):
    path, read = file
    read(path)
    size = path.stat().st_size
    for share in (0.999, 0.9, 0.5, 0.1, 0.01):
        os.truncate(path, int(share * size))
        with pytest.raises(DatasetError) as refused:
            read(path)
        said = str(refused.value)
        assert said.startswith(f"'{path}' is cut short: it has {int(share * size)} of the {size}")
        assert said.endswith('copy or download it again')
    os.truncate(path, 0)
    with pytest.raises(DatasetError, match='is empty; expected an HDF5 file: copy or download'):
        read(path)


def test_a_turned_bit_is_named_with_its_place_and_a_remedy_if_it_is_seen(file):
    path, read = file
    whole, draw, damaged = path.read_bytes(), random.Random(0), 0
    for _ in range(150):
        flip(path, draw.randrange(min(4000, len(whole))), draw.randrange(8))
        try:
            read(path)
        except MotoError as error:
            said = str(error)
            assert any(words in said for words in (*REMEDIES, *NAMED)), said
            assert '\n' not in said and 'synchronously' not in said, said
            damaged += any(words in said for words in REMEDIES)
        path.write_bytes(whole)
    assert damaged >= 3


def test_what_is_no_hdf5_file_says_how_it_begins(tmp_path):
    path = tmp_path / 'page.hdf5'
    path.write_bytes(b'<!doctype html><p>404')
    with pytest.raises(DatasetError, match="is no HDF5 file, or .*: it begins with b'<!doctyp'"):
        Hdf5File(path)


def test_the_command_says_it_in_one_line(theirs, tmp_path, capsys):
    os.truncate(theirs, 3000)
    line = ['import', str(theirs), '--format', 'd4rl', '--into', str(tmp_path / 'data')]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"moto-data import: '{theirs}' is cut short: it has 3000 of the ")
    assert said.count('\n') == 1 and not (tmp_path / 'data').exists()


def test_an_array_for_which_a_filter_is_missing_is_not_called_damaged(tmp_path):
    path = tmp_path / 'packed.hdf5'
    with h5py.File(path, 'w') as written:
        kept = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        kept.set_chunk((4,))
        kept.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (2, 2, 1, 4))  # blosc
        space, kind = h5py.h5s.create_simple((4,)), h5py.h5t.NATIVE_INT32
        h5py.h5d.create(written.id, b'x', kind, space, kept).write_direct_chunk((0,), b'\0' * 16)
    with pytest.raises(MotoError, match="'x' is compressed by what h5py has no filter for"):
        Hdf5File(path).numbers('x')
