"""A file that names a policy's folder, and everything that is no such file."""

import os

import pytest

from moto_core.errors import ConfigError
from moto_core.policy.name_file import LONGEST, named_folder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'bundle').mkdir()
    return tmp_path / 'bundle'


def test_what_moto_export_writes_is_followed(folder, tmp_path):
    name = tmp_path / 'name'
    for text in (f'{folder}\n', str(folder)):
        name.write_text(text)
        assert named_folder(name) == folder
    (tmp_path / 'link').symlink_to(name)
    assert named_folder(str(tmp_path / 'link')) == folder


def test_what_is_no_file_comes_back_as_it_is(folder, tmp_path):
    assert named_folder(folder) == folder
    assert named_folder(tmp_path / 'nothing') == tmp_path / 'nothing'
    assert str(named_folder('a\0b')) == 'a\0b'


@pytest.mark.parametrize(
    'text',
    [
        '',
        '\n',
        '{}\n\n',
        '{}\nword of pass\n',
        '\n{}',
        '{}\r\n',
        '{} ',
        '{}\x1b[2J',
        '{}/no',
        'word',
    ],
)
def test_any_other_file_is_refused_and_not_quoted(folder, tmp_path, text):
    name = tmp_path / 'name'
    name.write_text(text.format(folder), newline='')
    with pytest.raises(ConfigError, match="/name' is a file; expected the folder of") as caught:
        named_folder(name)
    assert 'word' not in str(caught.value) and '\x1b' not in str(caught.value)


@pytest.mark.parametrize('odd', ['two\nlines', 'bell\x07', 'turn\u202e'])
def test_a_folder_whose_name_cannot_be_printed_is_refused(tmp_path, odd):
    (tmp_path / odd).mkdir()
    (tmp_path / 'name').write_text(f'{tmp_path / odd}\n')
    with pytest.raises(ConfigError, match="/name' is a file; expected"):
        named_folder(tmp_path / 'name')


def test_a_line_longer_than_a_path_is_refused(folder, tmp_path):
    long = '/' * (LONGEST - len(str(folder))) + str(folder)
    (tmp_path / 'name').write_text(f'{long[1:]}\n')  # as long as a path may be
    assert named_folder(tmp_path / 'name').samefile(folder)
    (tmp_path / 'name').write_text(f'{"/" * LONGEST}{folder}\n')
    with pytest.raises(ConfigError, match='is a file'):
        named_folder(tmp_path / 'name')


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / 'name').write_bytes(b'\xff\xfe')
    with pytest.raises(ConfigError, match='is a file'):
        named_folder(tmp_path / 'name')


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / 'name')
    with pytest.raises(ConfigError, match="/name' is neither a folder nor a file"):
        named_folder(tmp_path / 'name')
