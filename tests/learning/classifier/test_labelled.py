import pytest

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.endings import BLAMELESS
from moto_core.errors import ConfigError, DatasetError
from moto_learning.classifier.labelled import labelled_episodes, waiting_episodes
from moto_learning.data.sources import read_episodes
from tests.learning.classifier.squares import record
from tests.recorded import record as record_rewarded


def opened(root):
    return Dataset.open(root), read_episodes([root]).episodes


def ids(episodes):
    return [one.id for one in episodes]


def test_what_a_classifier_labelled_teaches_none_and_does_not_wait(tmp_path):
    known = record(tmp_path, True, 'success', by='anna')
    record(tmp_path, True, 'success', by='classifier:0123456789ab')
    waiting = record(tmp_path, False)
    dataset, episodes = opened(tmp_path)
    found = labelled_episodes([dataset], episodes)
    assert (found.task, ids(found.episodes), found.by_classifier) == ('push', [known], 1)
    left = waiting_episodes(dataset, episodes, 'push')
    assert ids(left.episodes) == [waiting] and not left.left


def test_a_person_who_labels_it_too_makes_it_a_teacher(tmp_path):
    name = record(tmp_path, True, 'failure', by='classifier:0123456789ab')
    Dataset.open(tmp_path).label(name, 'success', 'anna')
    dataset, episodes = opened(tmp_path)
    found = labelled_episodes([dataset], episodes)
    assert [(one.id, one.outcome) for one in found.episodes] == [(name, 'success')]


def test_a_classifier_is_of_one_task(tmp_path):
    record(tmp_path, True, 'success')
    pour = record(tmp_path, True, 'success', task='pour')
    dataset, episodes = opened(tmp_path)
    with pytest.raises(DatasetError, match='of 2 tasks: pour, push; .* --task NAME'):
        labelled_episodes([dataset], episodes)
    assert ids(labelled_episodes([dataset], episodes, 'pour').episodes) == [pour]
    with pytest.raises(ConfigError, match="'puor'. Did you mean 'pour'"):
        labelled_episodes([dataset], episodes, 'puor')


def test_why_an_episode_without_a_label_is_not_judged_is_counted(tmp_path):
    back = record(tmp_path, True, 'success', by='anna')
    Dataset.open(tmp_path).label(back, 'unlabelled', 'anna')
    record(tmp_path, True, task='pour')
    waiting = record(tmp_path, True)
    dataset, episodes = opened(tmp_path)
    found = waiting_episodes(dataset, episodes, 'push')
    assert ids(found.episodes) == [waiting]
    assert found.left == {'whose label somebody took back': 1, 'of another task than push': 1}


def test_an_episode_that_ended_by_nobodys_fault_is_left_to_people(tmp_path):
    for ended in BLAMELESS:
        record(tmp_path, False, ended=ended)
    judged = [record(tmp_path, False, ended=ended) for ended in ('done', 'timeout', 'held')]
    known = record(tmp_path, True, 'success', by='anna', ended='estop')  # she saw it
    dataset, episodes = opened(tmp_path)
    found = waiting_episodes(dataset, episodes, 'push')
    assert ids(found.episodes) == judged
    assert found.left == {f"that ended by nobody's fault ({ended})": 1 for ended in BLAMELESS}
    assert ids(labelled_episodes([dataset], episodes).episodes) == [known]


@pytest.mark.parametrize('source', ['sim', 'robot'])
def test_an_episode_whose_reward_is_logged_waits_for_no_label(tmp_path, source):
    record_rewarded(tmp_path, [3], source=source)
    dataset, episodes = opened(tmp_path)
    found = waiting_episodes(dataset, episodes, 'kitchen-microwave')
    assert not found.episodes and found.left == {'whose reward is logged': 1}


def test_episodes_of_other_datasets_are_neither_learned_from_nor_judged(tmp_path):
    record(tmp_path / 'a', True, 'success')
    record(tmp_path / 'a', True)
    record(tmp_path / 'b', True, 'success')
    known = record(tmp_path / 'b', True)
    episodes = read_episodes([tmp_path / 'a', tmp_path / 'b']).episodes
    one, other = Dataset.open(tmp_path / 'a'), Dataset.open(tmp_path / 'b')
    assert len(labelled_episodes([one], episodes).episodes) == 1
    assert len(labelled_episodes([one, other], episodes).episodes) == 2
    assert ids(waiting_episodes(other, episodes, 'push').episodes) == [known]
