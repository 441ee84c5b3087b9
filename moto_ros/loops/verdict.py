"""A person's or a twin's word for how one episode went: given to that episode, to no other.

    judged -> Verdicts -> labels.jsonl of the episode, by its id -> its outcome as it is on disk
                       -> end_episode of the recorder, where its dataset is not within reach

In: a Graph whose recorder says where its dataset is, an episode's id. Out: the outcome on disk, or
a MotoError. Somebody else may have begun another episode while a person thought.
"""

from __future__ import annotations

from pathlib import Path

from moto_core.episodes.dataset import Dataset
from moto_core.errors import DatasetError, MotoError
from moto_ros.loops.graph import Graph, known
from moto_ros.services import RECORDER

BY = 'moto-session'  # who says so, in the label's line


class Verdicts:
    """The verdicts of one session."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def other(self, episode: str) -> str:
        """Returns the id of the episode that somebody began after this one; '' if none was."""
        event, recorder = self.graph.latest.episode, self.graph.latest.recorder
        if event is not None and event.state == 'started' and event.episode != episode:
            return event.episode  # said at once; the recorder's state ten times a second
        newest = recorder.episode if recorder is not None else ''
        return newest if newest > episode else ''  # ids are in the order of their begin

    def closed(self, episode: str) -> bool:
        """Says whether an episode was heard to have ended."""
        event = self.graph.latest.episode
        ended = event is not None and (event.state, event.episode) == ('ended', episode)
        return ended or bool(self.other(episode))

    def give(self, episode: str, outcome: str) -> str:
        """Labels an episode that has ended; 'unlabelled' leaves it. Returns its outcome on disk.

        Raises MotoError if the dataset is not within reach and another episode has begun.
        """
        try:
            return self._label(episode, outcome)
        except DatasetError:  # the recorder's is on another computer
            if outcome != 'unlabelled':
                self.ask(episode, 'end_episode', outcome == 'success')
            return outcome

    def ask(self, episode: str, service: str, flag: bool | None = None) -> None:
        """Has the recorder end or label an episode that is its newest.

        Raises MotoError if another one is; also if one began in the very moment of the call, and
        says which was meant.
        """
        if other := self.other(episode):
            raise MotoError(
                f"somebody began episode '{other}' meanwhile, and '{episode}' was not labelled: "
                f'label it by moto-data label {episode}'
            )
        told = self.graph.call(RECORDER, service, flag)
        if not told.startswith(episode):
            raise MotoError(f"{service} was done to {told}, and meant for '{episode}': mend both")

    def _label(self, episode: str, outcome: str) -> str:
        root = known(self.graph.latest.recorder).dataset
        if not root:
            raise DatasetError('the recorder does not say where its dataset is')
        with Dataset.open(Path(root)) as dataset:
            record = dataset.find(episode)
            if outcome not in ('unlabelled', record.outcome):
                dataset.label(episode, outcome, BY)
            return dataset.find(episode).outcome
