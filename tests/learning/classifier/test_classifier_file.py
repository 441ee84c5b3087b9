"""A classifier's file: whole or absent, and nothing in it is believed before it is checked."""

import io
import json
import os
import pickle
import random
import zipfile

import pytest
import torch

from moto_core import durable
from moto_core.config import load_config
from moto_core.episodes.identity import Identity
from moto_core.spec import Setup
from moto_learning.classifier.classifier import learn_classifier
from moto_learning.classifier.classifier_file import read_classifier, write_classifier
from moto_learning.classifier.fit import ClassifierError
from moto_learning.classifier.judgement import success_probability
from moto_learning.classifier.settings import ClassifierSettings
from moto_learning.classifier.split import split_by_episode
from moto_learning.data.sources import read_episodes
from tests.learning.classifier.squares import SETTINGS, record_labelled, square_spec


@pytest.fixture(scope='module')
def learned(tmp_path_factory):
    """A classifier and the episodes that it learned from."""
    root = tmp_path_factory.mktemp('squares')
    record_labelled(root, 4)
    episodes = read_episodes([root]).episodes
    settings = load_config(ClassifierSettings, overrides=[*SETTINGS, 'updates=3'])
    identity = Identity(square_spec(), Setup(robot='fr3'))
    return learn_classifier(
        split_by_episode(episodes, 0.25, 0), identity, 'push', settings
    ), episodes


@pytest.fixture
def path(learned, tmp_path):
    write_classifier(tmp_path / 'success.pt', learned[0])
    return tmp_path / 'success.pt'


def contents(path):
    return torch.load(path, weights_only=True)


def changed(path, about=(), **parts):
    """Writes the file anew with other parts, or other entries of `about`; the hash stays."""
    state = contents(path)
    state['about'] = json.dumps({**json.loads(state['about']), **dict(about)})
    torch.save({**state, **parts}, path)


def refused(path, words):
    with pytest.raises(ClassifierError, match=words) as found:
        read_classifier(path)
    said = str(found.value)
    assert '\n' not in said and path.name in said
    return said


def test_what_is_read_is_what_was_written(learned, path):
    classifier, episodes = learned
    found = read_classifier(path)
    assert found.about == classifier.about and found.name == classifier.name
    assert found.held_out == classifier.held_out and len(found.learned) == 6
    image = episodes[0].images
    assert success_probability(found.network, image, 2) == success_probability(
        classifier.network, image, 2
    )


def test_the_name_is_of_the_weights_and_of_what_they_came_of(learned, path):
    classifier = learned[0]
    assert classifier.name == f'classifier:{classifier.hash[:12]}'
    found = read_classifier(path)
    with torch.no_grad():
        found.network.head.out.bias += 1
    assert found.name != classifier.name
    assert found.about == classifier.about


def test_a_disk_that_refuses_leaves_what_was_there(learned, path, monkeypatch):
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(durable.os, 'fsync', full)
    with pytest.raises(ClassifierError, match='cannot write the classifier .*No space left'):
        write_classifier(path, learned[0])
    with pytest.raises(ClassifierError, match='No space left'):
        write_classifier(path.with_name('other.pt'), learned[0])
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_cut_file_is_refused_wherever_it_is_cut(path):
    whole = path.read_bytes()
    for end in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        refused(path, 'is no success classifier, or damaged')


def test_a_bit_that_flips_is_found_or_changes_nothing(learned, path):
    whole, draw = path.read_bytes(), random.Random(0)
    silent = 0
    for _ in range(60):
        place, bit = draw.randrange(len(whole)), draw.randrange(8)
        flipped = bytearray(whole)
        flipped[place] ^= 1 << bit
        path.write_bytes(flipped)
        try:
            found = read_classifier(path)
        except ClassifierError:
            continue
        silent += 1
        assert found.hash == learned[0].hash
    assert silent < 25  # an eighth is padding and the zip's own records


@pytest.mark.parametrize(
    'write, words',
    [
        (lambda path: path.write_text('hello'), 'it is no file that torch wrote'),
        (lambda path: torch.save({'learner': {}, 'run': ''}, path), "does not hold a 'moto succ"),
        (lambda path: torch.save([1, 2], path), "does not hold a 'moto success classifier 1'"),
        (lambda path: path.unlink(), 'cannot read the classifier'),
        (lambda path: (path.unlink(), path.mkdir()), 'cannot read the classifier'),
        (lambda path: (path.unlink(), os.mkfifo(path)), 'it is no plain file'),
        (lambda path: os.truncate(path, (1 << 28) + 1), 'at most 268435456 are read'),
    ],
)
def test_another_file_is_refused(path, write, words):
    write(path)
    refused(path, words)


def test_a_link_to_a_classifier_is_followed(learned, path):
    link = path.with_name('link.pt')
    link.symlink_to(path)
    assert read_classifier(link).name == learned[0].name


class Harmful:
    def __reduce__(self):
        return os.mkdir, ('harmed',)


def test_nothing_of_the_file_is_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({**contents(path), 'weights': Harmful()}, path)
    refused(path, 'UnpicklingError')
    path.write_bytes(pickle.dumps(Harmful()))
    refused(path, 'no file that torch wrote')
    assert not (tmp_path / 'harmed').exists()


def test_what_would_unpack_to_more_than_it_is_is_refused_before_it_does(path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('archive/data.pkl', bytes(1 << 20))
    path.write_bytes(stream.getvalue())
    refused(path, 'its members are compressed')


def bias(path, value):
    changed(path, weights={**contents(path)['weights'], 'head.out.bias': value})


@pytest.mark.parametrize(
    'value, words',
    [
        (torch.tensor([float('nan')]), 'head.out.bias is not finite'),
        (torch.zeros(2), r'head.out.bias is \(2,\) torch.float32, not \(1,\)'),
        (torch.zeros(1, dtype=torch.float64), r'head.out.bias is \(1,\) torch.float64'),
        (torch.zeros(1, device='meta'), 'head.out.bias is no plain tensor'),
        (torch.nn.Parameter(torch.zeros(1)), 'head.out.bias is no plain tensor'),
        ([0.0], 'head.out.bias is no plain tensor'),
        (torch.zeros(1).to_sparse(), 'head.out.bias is'),
        (torch.ones(1), 'do not have the hash that they had'),
    ],
)
def test_weights_that_are_not_the_networks_are_refused(path, value, words):
    bias(path, value)
    refused(path, words)


def test_a_huge_network_of_one_number_takes_no_memory(path):
    settings = json.loads(contents(path)['about'])['settings']
    settings['model']['units'] = 65_536
    settings['model']['encoder']['channels'] = [65_536, 65_536]  # 275 GB of weights
    weights = dict(contents(path)['weights'])
    number = torch.zeros(1)
    weights['encoder.cameras.front.1.weight'] = number.expand(65_536, 65_536, 4, 4)
    weights['encoder.cameras.front.0.weight'] = number.expand(65_536, 3, 4, 4)
    weights['encoder.cameras.front.0.bias'] = number.expand(65_536)
    changed(path, {'settings': settings}, weights=weights)
    refused(path, 'contiguous')


@pytest.mark.parametrize(
    'about, words',
    [
        ({'more': 1}, 'does not say settings, identity'),
        ({'settings': []}, 'settings is a list, not a dict'),
        ({'settings': {'updates': 0}}, 'updates is 0; expected at least 1'),
        ({'settings': {'model': {'encoder': {'channels': [1] * 9000}}}}, 'for 9000 convolutions'),
        ({'identity': {}}, 'names no spec and setup'),
        ({'task': 'a\nb'}, 'not plain texts'),
        ({'learned': [1]}, 'not plain texts'),
        ({'held_out': [{}]}, 'an entry of held_out does not say'),
        (
            {'held_out': [{'id': 'A', 'outcome': 'good', 'probability': 0.5}]},
            'no labelled episode',
        ),
        ({'held_out': [{'id': 'A', 'outcome': 'success', 'probability': 2}]}, 'no probability'),
        ({'git': 'another'}, 'do not have the hash that they had'),
    ],
)
def test_what_the_file_says_of_itself_is_checked(path, about, words):
    changed(path, about)
    refused(path, words)


def test_a_text_that_is_too_long_or_not_finite_is_refused(path):
    changed(path, about=(), **{'format': 'moto success classifier 2'})
    refused(path, 'does not hold')
    write = contents(path) | {'format': 'moto success classifier 1'}
    torch.save({**write, 'about': ' ' * (1 << 23)}, path)
    refused(path, 'characters')
    torch.save({**write, 'about': '{"settings": NaN}'}, path)
    refused(path, 'NaN is no JSON number')
