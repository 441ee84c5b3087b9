"""The numbers of the demonstration, of what its stages wrote."""

from moto_learning.report.demo_summary import success


def test_episodes_that_say_nothing_of_the_policy_are_not_counted():
    outcomes = ['success', 'failure', 'unlabelled', 'success']
    episodes = [{'success': one == 'success', 'outcome': one} for one in outcomes]
    found = success(episodes)
    assert (found['k'], found['n'], found['text']) == (2, 3, '2 of 3')
    assert success(episodes[2:3])['interval'] == [0.0, 1.0]
