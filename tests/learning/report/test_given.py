"""The same demonstrations, recorded twice, are the same; drawn otherwise they are others."""

from moto_core.episodes.dataset import Dataset
from moto_learning.report.given import given_episodes
from tests.learning.report.written_run import record


def given(data):
    ids = [one.id for one in Dataset.open(data).episodes()]
    return given_episodes({'episodes': ids}, (), [data])


def test_demonstrations_are_known_by_what_they_are_and_how_they_were_drawn(tmp_path):
    ways = {'rendering': '2 x 2 samples a pixel'}
    first, again, other, unsaid = (
        given(record(tmp_path / name, starts=7, extra=extra))
        for name, extra in (
            ('first', ways),
            ('again', ways),
            ('other', {'rendering': 'one sample a pixel'}),
            ('unsaid', {}),
        )
    )
    assert first.episodes == 2 and first.hash == again.hash and first.ids != again.ids
    assert len({first.hash, other.hash, unsaid.hash}) == 3
