import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np

from moto_learning.report import page
from moto_learning.report.video import first_frame
from tests.learning.report.written_demo import film

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


def test_a_long_text_of_a_table_stands_on_several_lines_and_an_id_on_one():
    html = page.table(('a',), [['x ' * 20], ['01M8Q7AYD5RXW58Y8C1NA0BBG8']])
    assert f"<td class='words'>{'x ' * 20}</td>" in html
    assert '<td>01M8Q7AYD5RXW58Y8C1NA0BBG8</td>' in html
    assert 'td.words { white-space: normal' in page.STYLE


def test_a_video_shows_its_first_frame_until_it_is_played(tmp_path):
    film(tmp_path / 'film.mp4')  # frames of 0, 60, 120, 180
    data = (tmp_path / 'film.mp4').read_bytes()
    poster = first_frame(data)
    image = cv2.imdecode(np.frombuffer(poster, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (32, 32, 3) and image.max() < 30
    assert f"poster='{page.data_uri(poster, 'image/jpeg')}'" in page.video(
        'a', data, False, poster
    )
    assert 'poster' not in page.video('a', data)


def test_what_is_no_video_has_no_first_frame():
    assert first_frame(b'') == first_frame(b'no video') == b''
