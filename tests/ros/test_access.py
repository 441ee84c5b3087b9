"""Who may press buttons."""

import pytest

from moto_core.errors import ConfigError
from moto_ros.access import Access, is_loopback, read_token

TOKEN = 'an-honest-token-0123'


@pytest.mark.parametrize('host', ['0.0.0.0', '192.168.1.5', '::', 'robot.lab', ''])
def test_an_address_beyond_this_machine_needs_a_token(host):
    with pytest.raises(ConfigError, match='--token-file'):
        Access(host)
    Access(host, token=TOKEN)


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost', '::1', '127.8.8.8'])
def test_this_machine_needs_none(host):
    assert is_loopback(host) and Access(host).opens('') and Access(host).keeps('')


@pytest.mark.parametrize('token', ['short', 'with a blank in the token', 'ümlaut-is-beyond-ascii'])
def test_a_weak_token_is_refused(token):
    with pytest.raises(ConfigError, match='token has'):
        Access('127.0.0.1', token=token)


def test_a_token_is_whole_or_wrong_and_is_not_shown():
    access = Access('127.0.0.1', token=TOKEN)
    assert access.opens(TOKEN) and access.keeps(access.cookie)
    for wrong in ('', TOKEN[:-1], TOKEN + 'x', access.cookie):
        assert not access.opens(wrong)
    for wrong in ('', TOKEN, access.cookie[:-1]):
        assert not access.keeps(wrong)
    assert TOKEN not in repr(access) and TOKEN not in access.cookie


@pytest.mark.parametrize(
    'host', ['evil.com', 'evil.com:8050', 'localhost.evil.com', '', '10.0.0.1']
)
def test_a_name_that_was_made_to_point_here_is_refused(host):
    assert 'Host' in Access('127.0.0.1').refuses_host(host)


@pytest.mark.parametrize('host', ['localhost:8050', '127.0.0.1', '[::1]:8050', 'LOCALHOST:1'])
def test_this_machine_by_its_own_names_is_not(host):
    assert Access('127.0.0.1').refuses_host(host) == ''


def test_others_reach_it_by_address_or_by_a_name_that_was_given():
    access = Access('0.0.0.0', token=TOKEN, names=('robot.lab',))
    assert access.refuses_host('192.168.1.5:8050') == access.refuses_host('robot.lab:8050') == ''
    assert 'robot.lab' in access.refuses_host('evil.com')


def test_a_name_is_the_same_in_capitals():
    access = Access('127.0.0.1', names=('Robot',))
    assert access.refuses_host('robot:8050') == access.refuses_host('ROBOT') == ''


@pytest.mark.parametrize('port', ['abc', '65536', '-1', '８０', '123456'])
def test_a_port_that_is_none_is_refused(port):
    assert 'at most 65535' in Access('127.0.0.1').refuses_host(f'localhost:{port}')


def test_what_is_no_text_opens_nothing():
    access = Access('127.0.0.1', token=TOKEN)
    assert not access.opens('\ud800') and not access.keeps('\udcff')


@pytest.mark.parametrize(
    'origin', ['', 'null', 'http://evil.com', 'https://localhost:8050', 'http://localhost:8051']
)
def test_another_pages_origin_is_refused(origin):
    assert 'another page' in Access('127.0.0.1').refuses_origin(origin, 'localhost:8050')


def test_our_own_origin_is_not():
    assert Access('127.0.0.1').refuses_origin('http://localhost:8050', 'localhost:8050') == ''


def test_a_token_is_read_from_a_file_of_its_own(tmp_path):
    file = tmp_path / 'token'
    file.write_text(f'{TOKEN}\n')
    assert read_token('', str(file)) == TOKEN and read_token(TOKEN, '') == TOKEN
    with pytest.raises(ConfigError, match='both give'):
        read_token(TOKEN, str(file))
    with pytest.raises(ConfigError, match='cannot read the token'):
        read_token('', str(tmp_path / 'none'))
    file.write_text('\n')
    with pytest.raises(ConfigError, match='is empty'):
        read_token('', str(file))
