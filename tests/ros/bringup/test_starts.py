"""Where a simulated session's starts begin, by what its dataset holds."""

import pytest

from moto_ros.bringup.table import processes
from moto_ros.config import RosConfig
from tests.recorded import record

FIRST = RosConfig().twin.seed


def first(dataset, **given):
    """The twin's first seed that a bring-up is told; None: its configuration's."""
    return processes({'sim': 'true', 'dataset': str(dataset), **given})[0].parameters.get(
        'twin.seed'
    )


def driven(dataset, *seeds, controller='policy', **known):
    for seed in seeds:
        record(dataset, [2], controller=controller, seed=seed, **known)


def test_a_new_dataset_begins_at_the_configured_start(tmp_path):
    assert first(tmp_path / 'new') == FIRST


def test_a_second_session_goes_on_after_the_starts_of_the_first(tmp_path):
    driven(tmp_path, FIRST, FIRST + 2, FIRST + 1)
    assert first(tmp_path) == FIRST + 3
    driven(tmp_path, FIRST + 7, controller='teleop', source='twin')
    assert first(tmp_path) == FIRST + 8


@pytest.mark.parametrize(
    'known',
    [
        {'controller': 'scripted', 'seed': FIRST + 900},  # a demonstration's, drawn at random
        {'controller': 'policy', 'seed': 40},  # of an evaluation
        {'controller': 'policy', 'seed': 2**32 - 1},  # after which there is none
        {'controller': 'policy', 'source': 'robot', 'seed': None},
    ],
)
def test_other_starts_do_not_count(known, tmp_path):
    driven(tmp_path, FIRST)
    record(tmp_path, [2], **known)
    assert first(tmp_path) == FIRST + 1


def test_a_seed_that_is_said_is_exact(tmp_path):
    driven(tmp_path, FIRST)
    assert first(tmp_path, seed='7') == 7
    assert first(tmp_path, **{'twin.seed': '8'}) == 8
    file = tmp_path / 'mine.yaml'
    file.write_text('twin: {seed: 9}\n')
    assert first(tmp_path, config=str(file)) is None


def test_what_does_not_record_begins_at_the_configured_start(tmp_path):
    driven(tmp_path, FIRST)
    assert first(tmp_path, record='false') is None
