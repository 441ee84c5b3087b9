"""What a robot gave up, and what is run in its place."""

import json

import pytest

from moto_core.errors import BundleError, ConfigError
from moto_core.policy.given_up import folder_to_run, give_up, read_given_up, take_back
from moto_core.policy.name_file import write_name


@pytest.fixture
def name(tmp_path):
    for folder in 'abc':
        (tmp_path / 'bundles' / folder).mkdir(parents=True)
    write_name(tmp_path / 'use', tmp_path / 'bundles' / 'c')
    return tmp_path / 'use'


def bundle(name, hash_):
    return name.parent / 'bundles' / hash_


def test_what_is_named_is_run_unless_it_was_given_up(name):
    assert folder_to_run(name) == bundle(name, 'c')
    give_up(bundle(name, 'c'), 'it shook\nthe arm', 'b')
    assert folder_to_run(name) == bundle(name, 'b')
    assert read_given_up(bundle(name, 'c')).why == 'it shook the arm'
    assert read_given_up(bundle(name, 'b')) is None
    give_up(bundle(name, 'b'), 'so did this', 'a')
    assert folder_to_run(name) == bundle(name, 'a')
    take_back(bundle(name, 'c'))
    take_back(bundle(name, 'c'))
    assert folder_to_run(name) == bundle(name, 'c')


def test_a_folder_is_run_whatever_was_said_of_it(name):
    give_up(bundle(name, 'c'), 'why', 'b')
    assert folder_to_run(bundle(name, 'c')) == bundle(name, 'c')
    assert folder_to_run('zero').name == 'zero'


@pytest.mark.parametrize('instead', ['', 'd', 'c', '../bundles/b', '..', '/tmp', 'a\0b'])
def test_with_nothing_in_its_place_it_says_why_and_what_to_do(name, instead):
    give_up(bundle(name, 'c'), 'it shook', instead)
    with pytest.raises(BundleError, match=r"'.*use' names c.*it shook.*delete '.*c.given_up'"):
        folder_to_run(name)


def test_a_circle_ends(name):
    give_up(bundle(name, 'c'), 'one', 'b')
    give_up(bundle(name, 'b'), 'another', 'c')
    with pytest.raises(BundleError, match='b was given up'):
        folder_to_run(name)


@pytest.mark.parametrize('damage', [b'', b'{', b'[]', b'{"why": 1}', b'x' * 70_000])
def test_a_damaged_file_counts_as_given_up(name, damage):
    path = bundle(name, 'c').with_name('c.given_up')
    path.write_bytes(damage)
    assert read_given_up(bundle(name, 'c')) is not None
    path.unlink()
    path.symlink_to(name)
    with pytest.raises(BundleError, match='cannot be read'):
        folder_to_run(name)


def test_the_file_says_who_and_when(name):
    give_up(bundle(name, 'c'), 'why', 'b')
    told = json.loads(bundle(name, 'c').with_name('c.given_up').read_text())
    assert set(told) == {'why', 'instead', 'host', 'time'}


def test_what_cannot_be_written_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(BundleError, match='cannot write .*c.given_up'):
        give_up(tmp_path / 'nowhere' / 'c', 'why', 'b')


def test_a_name_that_cannot_be_followed_is_the_names_own_error(name):
    name.write_text('nothing')
    with pytest.raises(ConfigError, match='expected the folder of a bundle'):
        folder_to_run(name)
