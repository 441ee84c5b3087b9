import pytest

from moto_core.strict_json import DEPTH, parse_json, read_maps


def test_ordinary_json_comes_back():
    assert parse_json(b'{"a": [1, 2.5, null, true], "b": {"c": "d"}}')['a'] == [1, 2.5, None, True]
    assert parse_json('[9223372036854775807, -9223372036854775808]') == [2**63 - 1, -(2**63)]
    assert parse_json('[' * DEPTH + ']' * DEPTH)


@pytest.mark.parametrize(
    'text, said',
    [
        ('[' * (DEPTH + 1) + ']' * (DEPTH + 1), 'deeper than 16'),
        ('[' * 200_000, 'deeper than 16'),
        ('{"a":' * 200_000, 'deeper than 16'),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ('{' + '"b": 0, ' * 9 + '"b": 1}', r"^the key 'b' is there twice$"),
        ('{"a": 1e999}', '1e999 is beyond'),
        ('[-1e999]', 'beyond'),
        ('{"a": NaN}', 'NaN is no JSON number'),
        ('-Infinity', 'no JSON number'),
        (b'"\xff"', 'utf-8'),
        ('{', 'Expecting'),
        ('1' * 5000, 'beyond the whole numbers of 64 bits'),
        ('{"a": 9223372036854775808}', '^9223372036854775808 is beyond the whole'),
        ('[-9223372036854775809]', 'beyond the whole'),
    ],
)
def test_what_is_ambiguous_endless_or_no_number_is_a_value_error(text, said):
    with pytest.raises(ValueError, match=said):
        parse_json(text)


def test_lines_that_are_no_maps_are_left_out(tmp_path):
    path = tmp_path / 'lines.jsonl'
    assert read_maps(path) == []
    path.write_bytes(b'{"a": 1}\n[]\n\xff\n3\n' + b'[' * 100_000 + b'\n{"b": 2}\n{"c": ')
    assert read_maps(path) == [{'a': 1}, {'b': 2}]
