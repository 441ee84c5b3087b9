import base64
import re
from html.parser import HTMLParser

from moto_learning.report import page

HOSTILE = '<script>alert(\'x\')</script> & "quoted" \udcff'


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], ''

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words += data


def parsed(html):
    found = Tags()
    found.feed(html)
    return found


def test_a_data_address_holds_the_bytes():
    uri = page.data_uri(b'abc', 'image/png')
    assert uri.startswith('data:image/png;base64,')
    assert base64.b64decode(uri.split(',')[1]) == b'abc'


def test_hostile_words_stay_words_wherever_they_stand():
    whole = page.document(
        HOSTILE,
        [
            page.headline(HOSTILE, HOSTILE),
            page.section(HOSTILE, page.listing([HOSTILE]), HOSTILE),
            page.cards([(HOSTILE, HOSTILE)]),
            page.hidden(HOSTILE, page.table([HOSTILE], [[HOSTILE]])),
            page.picture(HOSTILE, b''),
            page.video(HOSTILE, b''),
        ],
    )
    found = parsed(whole.decode())
    assert 'script' not in found.tags
    assert found.words.count('<script>alert(\'x\')</script> & "quoted" ?') == 12
    assert [value for name, value in found.attributes if name == 'alt'] == [
        HOSTILE.replace('\udcff', '?')
    ]
    assert not [name for name, _ in found.attributes if name.startswith('on')]


def test_numbers_stand_on_the_right_and_words_on_the_left():
    html = page.table(('a', 'b', 'c'), [('x', 3, 0.123456)])
    assert re.findall(r'<td( class=.number.)?>([^<]*)<', html) == [
        ('', 'x'),
        (" class='number'", '3'),
        (" class='number'", '0.1235'),
    ]


def test_only_what_is_wide_can_be_wider_than_the_page():
    html = page.document('t', [page.table(('a',), [['b' * 500]])]).decode()
    assert html.index("class='wide'") < html.index('<table')
    assert "name='viewport'" in html
    assert 'prefers-color-scheme: dark' in html
