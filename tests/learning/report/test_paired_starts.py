"""The grid of held-out starts: a mark for each, by its shape, and the counts."""

import re

from moto_learning.report.demo_summary import improvement
from moto_learning.report.paired_starts import paired_starts, sentence


def pair(seed, before, after, covered='failure'):
    return {'seed': seed, 'before': before, 'after': after, 'covered': covered}


PAIRS = [
    pair(5, 'failure', 'success'),
    pair(6, 'success', 'success', None),
    pair(7, 'unlabelled', 'success'),
]


def test_each_start_has_a_mark_of_its_shape_and_its_seed():
    drawn = paired_starts(PAIRS, improvement(PAIRS))
    assert drawn.count('<circle') == 4  # successes
    assert drawn.count('M-4-4L4 4M-4 4L4-4') == 3  # failures
    assert drawn.count('M0-5L5 0L0 5L-5 0Z') == 1  # not judged
    assert drawn.count('M-2 0L2 0') == 1  # not driven
    assert '<title>start 5, before: failure</title>' in drawn
    assert '<title>start 6, covered: not driven</title>' in drawn
    assert 'before: 1 of 2 solved; after: 3 of 3 solved; covered: 0 of 2 solved' in drawn


def test_starts_beyond_twenty_are_drawn_below():
    pairs = [pair(seed, 'failure', 'success') for seed in range(25)]
    drawn = paired_starts(pairs, improvement(pairs))
    assert re.findall(r"aria-label='(\d+) starts", drawn) == ['20', '5']


def test_the_sentence_has_the_counts_and_the_interval_worked_by_hand():
    # 20 of 20 pairs gained: (20 - 1.96^2) / (20 + 1.96^2) = .678 to 1
    pairs = [pair(seed, 'failure', 'success') for seed in range(20)]
    said = sentence(improvement(pairs))
    assert 'Of 20 starts 0 were solved both times, 20 only after, 0 only before' in said
    assert '+100 points, 95 % interval +68 to +100' in said


def test_no_start_and_no_pair_say_so():
    assert 'No held-out start was driven' in paired_starts([], improvement([]))
    assert 'driven and judged both before and after' in sentence(improvement(PAIRS[2:]))
