"""Lends a running graph of a test to a fault's function."""

from moto_ros.chaos.acting import stop_everything


class Lent:
    """A bench whose graph runs already, whatever kind is asked for."""

    def __init__(self, graph):
        self.running = graph

    def graph(self, kind):
        stop_everything(self.running)
        return self.running


def expect_met(act, graph):
    seen = act(Lent(graph))
    assert seen.met, seen.missed
    return seen
