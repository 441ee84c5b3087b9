import hashlib

import pytest

from moto_core import file_hash
from moto_core.file_hash import hash_file


@pytest.mark.parametrize('size', [0, 3, 4, 9])
def test_the_hash_is_of_all_bytes_whatever_is_read_at_once(tmp_path, monkeypatch, size):
    monkeypatch.setattr(file_hash, 'PIECE', 4)
    data = bytes(range(size))
    (tmp_path / 'file').write_bytes(data)
    assert hash_file(tmp_path / 'file') == hashlib.sha256(data).hexdigest()
