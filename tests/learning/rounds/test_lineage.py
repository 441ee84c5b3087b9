"""The tree of bundles: what came of what, and how each did on the robot."""

import pytest

from moto_core.errors import DatasetError
from moto_core.policy.given_up import give_up
from moto_core.policy.name_file import write_name
from moto_learning.commands import data
from moto_learning.rounds.journal import Round, write_about
from moto_learning.rounds.lineage import children, read_lineage, roots
from moto_ros.chaos.tiny_bundle import write_tiny_bundle
from tests.learning.labelled import record


@pytest.fixture
def bundles(tmp_path):
    """A first bundle, two that came of it, and one whose parent is elsewhere."""
    folder = tmp_path / 'bundles'
    first = write_tiny_bundle(folder, training={'seed': 0})
    second = write_tiny_bundle(folder, training={'seed': 1}, parent=first.name)
    third = write_tiny_bundle(folder, training={'seed': 2}, parent=first.name)
    lost = write_tiny_bundle(folder, training={'seed': 3}, parent='a' * 64)
    for number, (bundle, published) in enumerate([(third, True), (second, False)], 1):
        found = Round(
            number=number,
            updates=number,
            bundle=bundle.name,
            used=first.name,
            published=published,
            why='' if published else 'worse',
            new=4,
            starts=[True, False],
        )
        write_about(bundle, found)
    return first, second, third, lost


def test_each_bundle_hangs_below_the_one_it_came_of_in_the_order_of_rounds(tmp_path, bundles):
    first, second, third, lost = (bundle.name for bundle in bundles)
    found = read_lineage(tmp_path / 'bundles')
    assert {one.hash for one in roots(found)} == {first, lost}
    known = {one.hash: one for one in found}
    assert [one.hash for one in children(found, known[first])] == [third, second]


def test_the_command_tells_what_was_published_and_how_each_did(tmp_path, bundles, capsys):
    first, second, third, lost = (bundle.name for bundle in bundles)
    for label in ('success', 'failure', 'success', 'unlabelled'):
        record(tmp_path / 'data', label, policy=third)
    name = tmp_path / 'use'
    name.write_text(f'bundles/{third}\n')
    arguments = ['lineage', str(tmp_path / 'bundles'), '--data', str(tmp_path / 'data')]
    assert data.main([*arguments, '--name-file', str(name)]) == 0
    lines = capsys.readouterr().out.splitlines()
    tried = '1 episodes (4 new), 1 of 2 starts'
    of_first = [
        f'{first[:12]}, 1 episodes',
        f'|- {third[:12]}, {tried}, published, on the robot 2 of 3, in use',
        f'`- {second[:12]}, {tried}, refused: worse',
    ]
    other = f'{lost[:12]}, 1 episodes, from aaaaaaaaaaaa, which is not here'
    assert lines in ([*of_first, other], [other, *of_first])


def test_a_chain_is_a_tree_in_which_each_bundle_stands_further_in_than_its_parent(
    tmp_path, bundles, capsys
):
    first, second, third, _ = (bundle.name for bundle in bundles)
    of_third = write_tiny_bundle(tmp_path / 'bundles', training={'seed': 4}, parent=third).name
    of_that = write_tiny_bundle(tmp_path / 'bundles', training={'seed': 5}, parent=of_third).name
    of_second = write_tiny_bundle(tmp_path / 'bundles', training={'seed': 6}, parent=second).name
    assert data.main(['lineage', str(tmp_path / 'bundles')]) == 0
    lines = [line.split(',')[0] for line in capsys.readouterr().out.splitlines()]
    start = lines.index(first[:12])
    assert lines[start : start + 6] == [
        first[:12],
        f'|- {third[:12]}',
        f'|  `- {of_third[:12]}',
        f'|     `- {of_that[:12]}',
        f'`- {second[:12]}',
        f'   `- {of_second[:12]}',
    ]


def test_what_a_person_had_a_hand_in_is_counted_apart(tmp_path, bundles, capsys):
    first, second = (bundle.name for bundle in bundles[:2])
    for label, person in [('success', ()), ('success', [2, 3]), ('failure', [0])]:
        record(tmp_path / 'data', label, policy=first, person=person)
    record(tmp_path / 'data', 'success', policy=second, person=range(6))
    record(tmp_path / 'data', 'unlabelled', policy=second, person=[1])
    arguments = ['lineage', str(tmp_path / 'bundles'), '--data', str(tmp_path / 'data')]
    assert data.main(arguments) == 0
    said = capsys.readouterr().out
    assert f"{first[:12]}, 1 episodes, on the robot 1 of 1, and 2 with a person's help\n" in said
    assert "refused: worse, on the robot 1 with a person's help\n" in said


def test_what_a_robot_gave_up_is_said_and_what_it_runs_is_in_use(tmp_path, bundles, capsys):
    first, second = bundles[:2]
    write_name(tmp_path / 'use', second)
    give_up(second, 'it shook', first.name)
    arguments = ['lineage', str(tmp_path / 'bundles'), '--name-file', str(tmp_path / 'use')]
    assert data.main(arguments) == 0
    said = capsys.readouterr().out
    assert f'{first.name[:12]}, 1 episodes, in use' in said
    assert 'given up by a robot: it shook' in said
    give_up(first, 'so did this', '')
    assert data.main(arguments) == 1
    said = capsys.readouterr().out
    assert second.name[:12] in said and 'write another bundle into the file' in said


def test_a_damaged_bundle_is_named_and_the_code_is_1(tmp_path, bundles, capsys):
    (bundles[0] / 'policy.onnx').write_bytes(b'x')
    assert data.main(['lineage', str(tmp_path / 'bundles')]) == 1
    assert 'policy.onnx' in capsys.readouterr().out


def test_bundles_that_call_each_other_parents_end(tmp_path, bundles):
    found = read_lineage(tmp_path / 'bundles')
    circle = [type(one)(**{**vars(one), 'parent': one.hash}) for one in found]
    assert roots(circle) == []


@pytest.mark.parametrize('made', [False, True])
def test_a_folder_without_a_bundle_is_an_error(tmp_path, made):
    if made:
        (tmp_path / 'none').mkdir()
    with pytest.raises(DatasetError, match='moto-export'):
        read_lineage(tmp_path / 'none')


def test_what_lies_beside_a_bundle_and_is_of_another_is_not_believed(tmp_path, bundles):
    first, second = bundles[:2]
    other = first.with_name(f'{first.name}.json')
    other.write_bytes(second.with_name(f'{second.name}.json').read_bytes())
    known = {one.hash: one for one in read_lineage(tmp_path / 'bundles')}
    assert known[first.name].about is None
