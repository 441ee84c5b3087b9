"""What moto-finetune says of a round, before it and after."""

import pytest

from moto_learning.commands.round_words import begun_words, ended_words
from moto_learning.rounds.begun import Begun
from moto_learning.rounds.journal import Round


@pytest.mark.parametrize(
    'said, given',
    [
        ('round 1: 1 new episode, 480 updates', {'updates': 480, 'new': 1}),
        (
            'round 1: 1 new episode, 1 held out so far, to judge by, 480 updates',
            {'updates': 480, 'new': 1, 'apart': 1},
        ),
        ('round 1: 0 new episodes, 2 changed labels, 1 update', {'updates': 1, 'labelled': 2}),
        ('round 1 goes on: 290 updates to come', {'updates': 290, 'goes_on': True}),
        ('round 1 goes on: it is trained, and is tried now', {'updates': 0, 'goes_on': True}),
    ],
)
def test_the_beginning_says_what_is_taken_in_and_how_long_it_is(said, given):
    assert begun_words(Begun(number=1, **given)) == said


def judged(**given):
    usual = {'number': 1, 'updates': 9, 'bundle': 'a' * 64, 'used': 'b' * 64, 'published': True}
    return ended_words(Round(**(usual | given)))


def test_the_end_names_the_policy_in_use_beside_the_candidate():
    tried = {'starts': [True] * 9 + [False], 'used_starts': [True] * 8 + [False] * 2}
    said = judged(new=1, labelled=2, **tried)
    assert said == (
        'round 1: 1 new episode, 2 changed labels; 9 of 10 starts, the one in use 8; '
        'published aaaaaaaaaaaa'
    )
    said = judged(new=2, error=0.25, used_error=0.5, apart=6, published=False, why='it is worse')
    assert said == (
        'round 1: 2 new episodes; error 0.250, the one in use 0.500, on 6 held-out episodes; '
        'refused: it is worse'
    )


def test_the_first_policy_has_nothing_beside_it():
    said = judged(number=0, starts=[True, False], error=0.25, apart=1, note='no limits')
    assert said == (
        'round 0: the policy as it was; 1 of 2 starts; error 0.250, on 1 held-out episode; '
        'published aaaaaaaaaaaa; no limits'
    )
