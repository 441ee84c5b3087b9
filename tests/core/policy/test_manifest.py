"""No number, text or list of manifest.json is believed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_core.errors import BundleError
from moto_core.policy.manifest import Manifest, parse_manifest
from moto_core.policy.surprise import SurpriseLimits
from moto_core.spec import Setup
from moto_ros.chaos.tiny_bundle import COMMIT, EPISODE, SPEC

LIMITS = {
    'slow': 4.5,
    'hold': 9.0,
    'window': 8,
    'quantile': 0.95,
    'episodes': 20,
    'decisions': 900,
}
RECORD = {'bytes': 5, 'sha256': 'a' * 64}
GOOD = Manifest(
    spec=SPEC,
    setup=Setup(robot='arm', profile='normal', views={'front': 'paper'}),
    training={'seed': 1, 'model': {'layers': [1, 2.5]}},
    git_hash=COMMIT,
    episodes=[EPISODE],
    parent='0' * 64,
    disagreement_threshold=0.5,
    surprise_limits=SurpriseLimits(**LIMITS),
    files={name: RECORD for name in ('encoder.onnx', 'policy.onnx', 'selftest.npz')},
)
TEXT = GOOD.to_json()


def edited(**changes):
    """The manifest's text with fields changed, or left out where the value is `...`."""
    data = json.loads(TEXT) | changes
    return json.dumps({name: value for name, value in data.items() if value is not ...}).encode()


def spec_with(**changes):
    return {**json.loads(TEXT)['spec'], **changes}


def spec_without(name):
    return {key: value for key, value in spec_with().items() if key != name}


def camera_with(**changes):
    spec = json.loads(TEXT)['spec']
    return {**spec, 'cameras': {'front': {**spec['cameras']['front'], **changes}}}


def test_it_comes_back_as_it_was_written():
    assert parse_manifest(TEXT) == GOOD
    assert parse_manifest(TEXT).to_json() == TEXT


def test_the_tensors_of_the_networks_and_the_rate_are_not_repeated_in_it():
    assert json.loads(TEXT).keys() == {
        'disagreement_threshold',
        'episodes',
        'files',
        'format',
        'git_hash',
        'parent',
        'setup',
        'spec',
        'surprise_limits',
        'tolerance',
        'training',
    }


@pytest.mark.parametrize(
    'changes',
    [
        {'git_hash': ''},
        {'git_hash': COMMIT + '+'},
        {'parent': ''},
        {'episodes': []},
        {'disagreement_threshold': None},
        {'disagreement_threshold': 0},
        {'surprise_limits': None},
        {'surprise_limits': LIMITS | {'slow': 9}},
        {'surprise_limits': LIMITS | {'slow': 0, 'hold': 0.0}},
        {'tolerance': 0.01},
        {'spec': spec_with(rate=12)},  # a whole number of Hz is one, too
        {'training': {}},
    ],
)
def test_it_may_hold(changes):
    assert isinstance(parse_manifest(edited(**changes)), Manifest)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'format': 2}, 'expected format 3, got 2; export it again'),
        ({'format': 4}, 'expected format 3, got 4; export it again'),
        ({'format': 3.0}, 'expected format 3, got 3.0'),
        ({'format': True}, 'expected format 3, got True'),
        ({'format': ...}, 'expected format 3, got None'),
        ({'spec': ...}, "missing 'spec', unexpected 'nothing'"),
        (
            {'spec': spec_without('rate')},
            'spec.rate is not of the type that a spec has there, or missing',
        ),
        ({'setup': {}}, 'setup.robot is not of the type'),
        ({'surprise': 1}, "missing 'nothing', unexpected 'surprise'"),
        ({'tolerance': '1e-4'}, "tolerance is '1e-4'; expected a number in"),
        ({'tolerance': True}, 'tolerance is True; expected a number in'),
        ({'tolerance': -1.0}, 'tolerance is -1.0'),
        ({'tolerance': 0}, 'tolerance is 0'),
        ({'tolerance': 0.02}, 'tolerance is 0.02; expected a number in .0, 0.01'),
        ({'tolerance': 1 << 62}, 'tolerance is 4611686018427387904'),
        ({'tolerance': None}, 'tolerance is None'),
        ({'disagreement_threshold': '0.5'}, "disagreement_threshold is '0.5'"),
        ({'disagreement_threshold': False}, 'disagreement_threshold is False'),
        ({'disagreement_threshold': -0.1}, 'disagreement_threshold is -0.1'),
        ({'disagreement_threshold': 1.1e6}, 'disagreement_threshold is 1100000.0; expected'),
        ({'disagreement_threshold': [1]}, 'disagreement_threshold is .1.'),
        ({'surprise_limits': 4.5}, 'surprise_limits is not null, nor an object of slow, hold'),
        ({'surprise_limits': {}}, 'surprise_limits is not null, nor an object'),
        ({'surprise_limits': LIMITS | {'x': 1}}, 'surprise_limits is not null, nor an object'),
        ({'surprise_limits': LIMITS | {'slow': '4'}}, "slow is '4'; expected a number in .0, 1e"),
        ({'surprise_limits': LIMITS | {'slow': True}}, 'surprise_limits.slow is True'),
        ({'surprise_limits': LIMITS | {'slow': -1}}, 'surprise_limits.slow is -1'),
        ({'surprise_limits': LIMITS | {'hold': 2e6}}, 'surprise_limits.hold is 2000000.0'),
        ({'surprise_limits': LIMITS | {'hold': 4.4}}, 'hold is 4.4; expected at least slow, 4.5'),
        ({'surprise_limits': LIMITS | {'window': 0}}, 'window is 0; expected a whole number in'),
        ({'surprise_limits': LIMITS | {'window': 8.0}}, 'window is 8.0'),
        ({'surprise_limits': LIMITS | {'quantile': 1.1}}, 'quantile is 1.1; expected a number'),
        ({'surprise_limits': LIMITS | {'episodes': 0}}, 'surprise_limits.episodes is 0'),
        ({'surprise_limits': LIMITS | {'decisions': 0.5}}, 'surprise_limits.decisions is 0.5'),
        ({'episodes': EPISODE}, "episodes is '01J.*expected a list of ULIDs"),
        ({'episodes': ['../../etc']}, "an episode is '../../etc'; expected a ULID"),
        ({'episodes': [EPISODE, 5]}, 'an episode is 5; expected a ULID'),
        ({'episodes': [EPISODE.replace('J', 'I')]}, 'expected a ULID'),
        ({'episodes': [EPISODE + '0']}, 'expected a ULID'),
        ({'episodes': ['8' + EPISODE[1:]]}, 'expected a ULID'),  # over 128 bits
        ({'parent': 'x'}, "parent is 'x'; expected 64 hexadecimal digits"),
        ({'parent': 'A' * 64}, "parent is 'AAA"),
        ({'parent': None}, 'parent is None'),
        ({'git_hash': 'main'}, "git_hash is 'main'; expected 40 hexadecimal digits"),
        ({'git_hash': COMMIT + '++'}, 'git_hash is'),
        ({'git_hash': 7}, 'git_hash is 7'),
        ({'training': []}, 'training is .*expected an object'),
        ({'files': {}}, 'files is .*expected exactly encoder.onnx, policy.onnx, selftest.npz'),
        ({'files': []}, 'files is .*expected only'),
        ({'files': {'../x': RECORD}}, 'files is .*expected only encoder.onnx'),
        ({'files': {'policy.onnx': 5}}, "files policy.onnx is 5; expected 'bytes' and 'sha256'"),
        ({'files': {'policy.onnx': {'bytes': 5}}}, "expected 'bytes' and 'sha256'"),
        ({'files': {'policy.onnx': {**RECORD, 'x': 1}}}, "expected 'bytes' and 'sha256'"),
        ({'files': {'policy.onnx': {**RECORD, 'bytes': '5'}}}, "bytes is '5'; expected an int"),
        ({'files': {'policy.onnx': {**RECORD, 'bytes': True}}}, 'bytes is True'),
        ({'files': {'policy.onnx': {**RECORD, 'bytes': 5.0}}}, 'bytes is 5.0'),
        ({'files': {'policy.onnx': {**RECORD, 'bytes': -1}}}, 'bytes is -1'),
        ({'files': {'policy.onnx': {**RECORD, 'bytes': (1 << 30) + 1}}}, 'bytes is 1073741825'),
        ({'files': {'policy.onnx': {**RECORD, 'sha256': 'A' * 64}}}, 'sha256 is'),
        ({'spec': 'franka'}, "spec is 'franka'; expected an object"),
        ({'spec': {'joints': ['a']}}, 'spec: .*action_scale'),
        ({'spec': spec_with(rate='12.5')}, 'spec.rate is not of the type'),
        ({'spec': spec_with(rate=True)}, 'spec.*rate'),
        ({'spec': spec_with(joints=['a', 5])}, r'spec.joints\[1\] is not of the type'),
        ({'spec': spec_with(joints='ab')}, 'spec'),
        ({'spec': spec_with(action_scale=[1.0, [], 1.0])}, 'spec'),
        ({'spec': spec_with(action_scale=[1.0, [[]], 1.0])}, 'spec'),
        ({'spec': spec_with(cameras=None)}, 'spec'),
        ({'spec': spec_with(cameras={'front': None})}, 'spec'),
        ({'spec': camera_with(height='4')}, 'spec.cameras.front.height is not of the type'),
        ({'spec': camera_with(height=True)}, 'spec.*cameras.front.height'),
        ({'spec': camera_with(height=-4)}, 'spec: cameras.front.height is -4'),
        ({'setup': 'normal'}, "setup is 'normal'; expected an object"),
        ({'setup': {'profile': 1}}, 'setup'),
        ({'setup': {'profiel': 'normal'}}, 'setup: .*profiel'),
        ({'setup': {'views': {'front': []}}}, 'setup'),
        ({'spec': camera_with(topic='${oc.env:HOME}')}, 'spec'),
        ({'spec': camera_with(topic='???')}, 'spec'),
    ],
)
def test_a_wrong_field_is_refused_with_its_name(changes, message):
    with pytest.raises(BundleError, match=message) as error:
        parse_manifest(edited(**changes))
    assert '\n' not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize(
    'value, message',
    [
        (b'NaN', 'is not JSON: NaN is no JSON number'),
        (b'Infinity', 'Infinity is no JSON number'),
        (b'-Infinity', 'Infinity is no JSON number'),
        (b'1e999', 'is not JSON: 1e999 is beyond'),
        (b'-1e30', 'a number is -1e[+]30; expected at most'),
        (b'9' * 30, 'is beyond the whole numbers of 64 bits'),
        (b'9' * 5000, 'is beyond the whole numbers of 64 bits'),
        (b'"a\\nb"', r"a text is 'a\\nb'; expected printable"),
        (b'"\\ud800"', 'expected printable'),
        (b'"\\u001b[2J"', 'expected printable'),
        (b'{"a": 1, "a": 2}', "is not JSON: the key 'a' is there twice"),
        (b'[' * 20 + b']' * 20, 'nested deeper than 16'),
        (b'{"a":' * 20 + b'1' + b'}' * 20, 'nested deeper than 16'),
        (b'[' * 100_000 + b']' * 100_000, 'is not JSON: it is nested deeper'),
        (b'[' * 100_000, 'is not JSON'),
        (b'\xff', 'is not JSON'),
    ],
)
def test_what_json_can_hide_is_refused_in_one_line(value, message):
    text = TEXT.replace(b'"seed": 1', b'"seed": ' + value)
    assert value in text
    with pytest.raises(BundleError, match=message) as error:
        parse_manifest(text)
    assert '\n' not in str(error.value) and len(str(error.value)) < 400
    str(error.value).encode()


def test_a_repeated_field_is_refused():
    text = TEXT.replace(b'"tolerance": 0.0001', b'"tolerance": 0.0001, "tolerance": 0.001')
    with pytest.raises(BundleError, match="the key 'tolerance' is there twice"):
        parse_manifest(text)


@pytest.mark.parametrize('text', [b'', b'[]', b'null', b'5', b'"a"', b'\xff\xfe', b'{"format": 2'])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(BundleError, match='is not (JSON|a manifest)'):
        parse_manifest(text)


def test_a_wrong_field_is_refused_where_it_is_made():
    with pytest.raises(BundleError, match='tolerance is nan'):
        Manifest(spec=SPEC, tolerance=float('nan'))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=5), parts),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_field_it_is_taken_or_refused_in_one_line(data):
    manifest = json.loads(TEXT)
    place, key = manifest, data.draw(st.sampled_from(sorted(manifest)))
    while isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
        place, key = place[key], data.draw(st.sampled_from(sorted(place[key])))
    place[key] = data.draw(JSON)
    try:
        parse_manifest(json.dumps(manifest).encode())
    except BundleError as error:
        assert '\n' not in str(error)
