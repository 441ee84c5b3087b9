"""What a robot gave up, and what is run in its place."""

import json

import pytest

from moto_core.errors import BundleError, ConfigError
from moto_core.policy.given_up import folder_to_run, give_up, read_given_up, take_back
from moto_core.policy.name_file import write_name

A, B, C = (letter * 64 for letter in 'abc')  # hashes, as bundles have them


@pytest.fixture
def name(tmp_path):
    for hash_ in (A, B, C):
        (tmp_path / 'bundles' / hash_).mkdir(parents=True)
    write_name(tmp_path / 'use', tmp_path / 'bundles' / C)
    return tmp_path / 'use'


def bundle(name, hash_):
    return name.parent / 'bundles' / hash_


def test_what_is_named_is_run_unless_it_was_given_up(name):
    assert folder_to_run(name) == bundle(name, C)
    give_up(bundle(name, C), 'it shook\nthe arm', B)
    assert folder_to_run(name) == bundle(name, B)
    assert read_given_up(bundle(name, C)).why == 'it shook the arm'
    assert read_given_up(bundle(name, B)) is None
    give_up(bundle(name, B), 'so did this', A)
    assert folder_to_run(name) == bundle(name, A)
    take_back(bundle(name, C))
    take_back(bundle(name, C))
    assert folder_to_run(name) == bundle(name, C)


def test_a_name_that_leads_over_a_link_is_given_up_with_the_folder_behind_it(name):
    (name.parent / 'latest').symlink_to(bundle(name, C), target_is_directory=True)
    name.write_text('latest\n')
    assert folder_to_run(name) == bundle(name, C)
    give_up(bundle(name, C), 'it shook', B)
    assert folder_to_run(name) == bundle(name, B)
    take_back(bundle(name, C))
    assert folder_to_run(name) == bundle(name, C)


def test_a_folder_is_run_whatever_was_said_of_it(name):
    give_up(bundle(name, C), 'why', B)
    assert folder_to_run(bundle(name, C)) == bundle(name, C)
    assert folder_to_run('zero').name == 'zero'


@pytest.mark.parametrize(
    'instead', ['', 'd' * 64, C, f'../bundles/{B}', '..', '/tmp', 'a\0b', B[:-1]]
)
def test_with_nothing_in_its_place_it_says_why_and_what_to_do(name, instead):
    give_up(bundle(name, C), 'it shook', instead)
    with pytest.raises(BundleError, match=r"'.*use' names c+, .*it shook.*delete '.*c.given_up'"):
        folder_to_run(name)


@pytest.mark.parametrize('kind', ['a file', 'a link', 'the file that says so'])
def test_what_is_no_folder_of_its_own_is_not_run(name, kind):
    instead = 'd' * 64
    if kind == 'a file':
        bundle(name, instead).write_text('{}')
    elif kind == 'a link':
        bundle(name, instead).symlink_to(bundle(name, A), target_is_directory=True)
    else:
        instead = f'{C}.given_up'
    give_up(bundle(name, C), 'it shook', instead)
    with pytest.raises(BundleError, match='nothing beside it to run in its place'):
        folder_to_run(name)


def test_a_circle_ends(name):
    give_up(bundle(name, C), 'one', B)
    give_up(bundle(name, B), 'another', C)
    with pytest.raises(BundleError, match='b was given up'):
        folder_to_run(name)


@pytest.mark.parametrize('damage', [b'', b'{', b'[]', b'{"why": 1}', b'x' * 70_000])
def test_a_damaged_file_counts_as_given_up(name, damage):
    path = bundle(name, C).with_name(f'{C}.given_up')
    path.write_bytes(damage)
    assert read_given_up(bundle(name, C)) is not None
    path.unlink()
    path.symlink_to(name)
    with pytest.raises(BundleError, match='cannot be read'):
        folder_to_run(name)


def test_the_file_says_who_and_when(name):
    give_up(bundle(name, C), 'why', B)
    told = json.loads(bundle(name, C).with_name(f'{C}.given_up').read_text())
    assert set(told) == {'why', 'instead', 'host', 'time'}


def test_what_cannot_be_written_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(BundleError, match='cannot write .*c.given_up'):
        give_up(tmp_path / 'nowhere' / 'c', 'why', 'b')


def test_a_name_that_cannot_be_followed_is_the_names_own_error(name):
    name.write_text('nothing')
    with pytest.raises(ConfigError, match='expected the folder of a bundle'):
        folder_to_run(name)
