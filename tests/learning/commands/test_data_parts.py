"""moto-data stats --parts on episodes whose parts are set by hand."""

import pytest

from moto_core.episodes.dataset import Dataset
from moto_learning.commands.data import main
from tests.recorded import tiny_header, tiny_row

PARTS = ('microwave', 'kettle', 'slide_cabinet')


@pytest.fixture
def root(tmp_path):
    """Three episodes of three parts: 1, 2 and 0 of them done at the end."""
    done = [
        [(), ('kettle',), ('microwave', 'kettle'), ('kettle',)],
        [(), ('slide_cabinet', 'kettle')],
        [(), ()],
    ]
    about = [
        {'objects': 'kettle+microwave', 'attempt': '2', 'index': '0'},
        {'objects': 'slide_cabinet+kettle', 'attempt': '0', 'index': '1'},
        {'objects': 'kettle+slide_cabinet', 'attempt': '1', 'index': '2'},
    ]
    with Dataset.create_or_open(tmp_path, floor=0) as dataset:
        for rows, extra in zip(done, about):
            header = tiny_header(parts=PARTS, extra=extra, task='kitchen-three')
            with dataset.new_episode(header) as writer:
                for t, parts in enumerate(rows):
                    writer.append(tiny_row(t, done_parts=parts))
                writer.close('failure')
    return tmp_path


def table(capsys):
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.strip('│').split('│')] for line in lines]
    return [row for row in cells if len(row) == 3]


def test_it_counts_the_parts_at_the_end_and_at_any_row_and_the_rows(root, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '100')
    assert main(['stats', str(root), '--parts']) == 0
    assert table(capsys) == [
        ['0 of 3 parts done', '1', '1'],
        ['1 of 3 parts done', '1', '0'],
        ['2 of 3 parts done', '1', '2'],
        ['3 of 3 parts done', '0', '0'],
        ['microwave', '0', '1'],
        ['kettle', '2', '2'],
        ['slide_cabinet', '1', '1'],
        ['rows, in all', '8', ''],
        ['rows, least, median, most', '2, 2, 4', ''],
        ['groups of objects moved', '2', ''],
        ['orders in which they were', '3', ''],
        ['attempts given up', '3', ''],
    ]


def test_without_it_no_episode_is_read(root, capsys, monkeypatch):
    monkeypatch.setattr(Dataset, 'read', lambda *_: 1 / 0)
    assert main(['stats', str(root)]) == 0
    assert 'parts done' not in capsys.readouterr().out
