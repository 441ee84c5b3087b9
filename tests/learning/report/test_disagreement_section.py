"""Disagreement over the episodes: medians by hand, successes apart from failures."""

from dataclasses import replace

import numpy as np
import pytest

from moto_learning.report.disagreement_section import (
    Panel,
    bundle_threshold,
    disagreement_figure,
    disagreement_section,
    median,
    panel_words,
)
from tests.learning.report.written_demo import driven, rows


def episode(values, outcome='success'):
    made = rows([[0.0, 0.0]] * len(values), [()] * len(values))
    return replace(made, about=driven(outcome=outcome), disagreement=np.array(values))


@pytest.fixture
def panel():
    episodes = [episode([0.1, 0.2]), episode([0.3, 0.4, 0.9]), episode([0.7], 'failure')]
    return Panel(episodes=episodes, threshold=0.5)


def test_the_median_is_of_those_that_still_run_and_ends_with_the_last_but_one():
    lines = [np.array([1.0, 2.0]), np.array([2.0, 4.0, 9.0]), np.array([6.0, 5.0, 7.0, 8.0])]
    assert median(lines).tolist() == [2.0, 4.0, 8.0]
    assert median(lines[:1]).tolist() == [1.0, 2.0]
    assert median([]).tolist() == []


def test_successes_failures_and_the_threshold_are_drawn_each_in_its_way(panel):
    figure = disagreement_figure({'before': panel, 'after': panel})
    assert [axis.get_title() for axis in figure.axes] == ['before', 'after']
    drawn = {line.get_label(): line for line in figure.axes[0].lines}
    good, bad = drawn['success, median'], drawn['failure, median']
    assert good.get_ydata() == pytest.approx([0.2, 0.3])
    assert bad.get_ydata() == pytest.approx([0.7])
    assert good.get_color() != bad.get_color() and good.get_linestyle() != bad.get_linestyle()
    assert list(drawn['threshold'].get_ydata()) == [0.5, 0.5]
    thin = [line for line in figure.axes[0].lines if line.get_linewidth() < 1]
    assert len(thin) == 3


def test_the_words_are_the_medians_and_the_threshold(panel):
    said = panel_words('after', panel)
    assert '2 of outcome success, median 0.20 at first and 0.20 to 0.30 over 2 decisions' in said
    assert '1 of outcome failure, median 0.70' in said and 'threshold 0.50' in said
    none = panel_words('after', Panel(episodes=[], threshold=None))
    assert 'no episode was judged; no threshold' in none


def test_the_threshold_is_the_bundles(written, tmp_path):
    [name] = (written / 'bundles' / 'use').read_text().split()
    assert bundle_threshold(written / 'bundles' / name) == 0.5
    assert bundle_threshold(tmp_path / 'none') is None
    (tmp_path / 'manifest.json').write_text('{}')
    assert bundle_threshold(tmp_path) is None


def test_only_drives_with_rows_are_shown(panel):
    nothing = Panel(episodes=[], threshold=None)
    assert 'No episode was recorded' in disagreement_section({'before': nothing})
    assert 'Disagreement before' not in disagreement_section({'before': nothing, 'after': panel})
