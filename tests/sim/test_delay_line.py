"""The drives of the simulated arm are as late as they are told to be."""

from moto_sim.delay_line import DelayLine


def follow(lags):
    line = DelayLine(-1, 0.001)
    return [line.pass_on(number, lag) for number, lag in enumerate(lags)]


def test_without_a_lag_the_command_of_now_is_followed():
    assert follow([0.0] * 4) == [0, 1, 2, 3]


def test_a_lag_of_three_milliseconds_gives_the_command_of_three_milliseconds_ago():
    assert follow([0.003] * 6) == [-1, -1, -1, 0, 1, 2]


def test_a_lag_that_grows_holds_and_one_that_ends_leaves_out():
    assert follow([0.0, 0.0, 0.002, 0.002, 0.002, 0.0]) == [0, 1, 1, 1, 2, 5]
