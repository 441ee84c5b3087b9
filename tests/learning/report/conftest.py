"""A demonstration's folder that the tests of this folder read and do not change."""

import pytest

from tests.learning.report.written_demo import write_demo


@pytest.fixture(scope='session')
def written(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp('demo') / 'run')
