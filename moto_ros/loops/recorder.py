"""Which episode is being written, and how it ends: the recorder without ROS.

    idle --start--> recording --stop--> draining (the last row's parts arrive) --> idle

In: commands, the parts of rows, raw messages. Out: episodes in a Dataset, EpisodeEvents. A failing
disk, or a row that does not fit, ends the recording and nothing else. A label that was answered is
on disk, with how many rows it speaks of: a success whose last row is lost is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.episodes.writer import EpisodeWriter
from moto_core.errors import EpisodeError, MotoError
from moto_core.row import Row
from moto_core.spec import Setup, Spec
from moto_ros.loops.row_join import RowJoiner
from moto_ros.messages import EpisodeEvent, RecorderState

DRAIN = 0.15  # [s] that the last row's image may be late


class Recording:
    """One dataset and at most one open episode."""

    def __init__(
        self,
        folder: Path | str,
        spec: Spec,
        event: Callable[[EpisodeEvent], None],
        setup: Setup | None = None,
        compression: str = 'zstd',
    ) -> None:
        """Opens the dataset under its lock and recovers what a dead recorder left.

        `event` is told of every begin and end. Raises DatasetError if it cannot be opened, or if
        its episodes have another spec, or another setup where one is given.
        """
        self.dataset = Dataset.create_or_open(folder, spec, setup=setup)
        self.spec, self.joiner, self.event = spec, RowJoiner(spec), event
        self.compression = compression
        self.writer: EpisodeWriter | None = None
        self.last, self.problem = '', ''
        self.lost, self.left_out = Counter[str](), Counter[str]()  # messages, by topic
        self._outcome, self._ended = 'unlabelled', 'done'
        self._labelled = 0  # rows that the label of the draining episode speaks of
        self._stop_at: float | None = None  # [s] when draining ends at the latest

    @property
    def state(self) -> str:
        """'idle', 'recording' or 'draining'."""
        if self.writer is None:
            return 'idle'
        return 'recording' if self._stop_at is None else 'draining'

    def status(self) -> RecorderState:
        """Returns the state with its counts."""
        return RecorderState(
            state=self.state,
            episode=self.last,
            rows=self.writer.rows if self.writer else 0,
            dropped=self.joiner.dropped,
            lost=dict(self.lost),
            left_out=dict(self.left_out),
            problem=self.problem,
            dataset=str(self.dataset.root.absolute()),
        )

    def start(self, header: EpisodeHeader) -> str:
        """Opens an episode and returns its id; raises MotoError if it cannot."""
        if self.state == 'recording':
            raise EpisodeError(f"episode '{self.last}' is being recorded; stop_episode first")
        self.finish()
        self.writer = self.dataset.new_episode(header, self.compression)
        self.joiner.start(header.id)
        self.last, self.problem = header.id, ''
        self.lost.clear()
        self.left_out.clear()
        self._labelled = 0
        self._outcome, self._ended, self._stop_at = 'unlabelled', 'done', None
        self.event(EpisodeEvent(state='started', episode=header.id, policy=header.policy_hash))
        return header.id

    def append(self) -> None:
        """Writes the rows that are whole; a failing disk or a bad row ends the recording."""
        if self.writer is not None:
            self._write(self.joiner.rows())

    def raw(
        self, topic: str, message_type: str, cdr: bytes, stamp: int, definition: str = ''
    ) -> None:
        """Writes a message as it came [stamp in ns]; a failing disk ends the recording.

        `definition` is the type's text where it is not a stock one.
        """
        writer = self.writer
        if writer is None:
            return
        try:
            writer.raw(topic, message_type, cdr, stamp, definition)
        except (MotoError, OSError) as error:
            self.problem = str(error)
            if writer.closed:
                self._take_success_back(writer)
                self._closed(writer)

    def on_lost(self, topic: str, count: int) -> None:
        """Hears that so many messages of a topic did not arrive."""
        if self.writer is not None:
            self.lost[topic] += count

    def stop(self, now: float, ended: str = 'done') -> str:
        """Takes no more rows; the file closes when the last row is whole. Returns the id."""
        if self.state != 'recording':
            raise EpisodeError('no episode is being recorded; start_episode first')
        self._stop_at, self._ended = now + DRAIN, ended
        self.event(EpisodeEvent(state='stopping', episode=self.last))
        return self.last

    def end(self, success: bool, now: float) -> str:
        """Gives the outcome of the episode, stopping it if it runs; returns its id.

        One that had another outcome is named with both. The label is on disk when this returns,
        and so are the rows that are whole. Raises MotoError if they cannot be written.
        """
        outcome = 'success' if success else 'failure'
        if self.state == 'recording':
            self.stop(now)
        if self.writer is not None:
            self._label_open(self.writer, outcome)
        elif self.last:
            before = self.dataset.find(self.last).outcome
            self.dataset.label(self.last, outcome, by='end_episode')
            if before not in (outcome, 'unlabelled'):
                return f'{self.last}: it was a {before}, and is a {outcome} now'
        else:
            raise EpisodeError('no episode was recorded since the start; start_episode first')
        return self.last

    def discard(self) -> str:
        """Moves the open episode, closed, or the last one to quarantine; returns its id."""
        if not self.last:
            raise EpisodeError('no episode was recorded since the start; nothing to discard')
        self._ended = 'discarded'
        self.finish()
        if any(record.id == self.last for record in self.dataset.episodes()):
            self.dataset.quarantine(self.last, 'discarded by the operator')
        discarded, self.last = self.last, ''
        return discarded

    def poll(self, now: float) -> None:
        """Closes an episode that has drained, or has waited long enough."""
        if self._stop_at is not None and (self.joiner.complete() or now >= self._stop_at):
            self.finish()

    def finish(self) -> None:
        """Writes the rows that are whole and closes the file, if one is open."""
        if self.writer is None:
            return
        self._write(self.joiner.last_rows())
        writer = self.writer
        if writer is None:
            return  # a row could not be written; it has ended already
        self._close(writer, self._ended)

    def cut(self) -> None:
        """Finishes the episode, which nobody has ended."""
        if self.state == 'recording':
            self._ended = 'shutdown'
        self.finish()

    def close(self) -> None:
        """Finishes the episode and gives the dataset back."""
        self.cut()
        self.dataset.close()

    def _label_open(self, writer: EpisodeWriter, outcome: str) -> None:
        """Labels the draining episode on disk, so that who kills the recorder loses no label."""
        if outcome == 'success':  # its reward lies at the last row
            self._write(self.joiner.rows_so_far())
        if self.writer is None:
            raise EpisodeError(f"'{self.last}' is not labelled: {self.problem}")
        wanted = writer.rows + self.joiner.held
        self.dataset.label(self.last, outcome, by='end_episode', rows=wanted)
        self._outcome, self._labelled = outcome, wanted

    def _take_success_back(self, writer: EpisodeWriter) -> None:
        """Takes back the success of an episode whose last rows could not be written."""
        if self._outcome != 'success' or writer.rows >= self._labelled:
            return
        self._outcome = 'unlabelled'
        problems = [self.problem, "its end is lost, and its label 'success' taken back"]
        try:
            self.dataset.label(self.last, 'unlabelled', by='recorder')
        except MotoError as error:
            problems.append(str(error))
        self.problem = '; '.join(problems)

    def _write(self, rows: Iterable[Row]) -> None:
        writer = self.writer
        if writer is None:
            return
        try:
            for row in rows:
                writer.append(row)
        except (MotoError, OSError) as error:
            self.problem = str(error)
            self._take_success_back(writer)
            if writer.closed:  # the disk failed
                self._closed(writer)
            else:  # a row that does not fit; those before it are an episode
                self._close(writer, 'write_error')

    def _close(self, writer: EpisodeWriter, ended: str) -> None:
        try:
            writer.close(self._outcome, ended)
            if not writer.rows:
                self.dataset.quarantine(writer.header.id, 'no row arrived')
                raise EpisodeError('no row arrived: the episode is in quarantine')
        except (MotoError, OSError) as error:
            self.problem = '; '.join(filter(None, [self.problem, str(error)]))
        self._closed(writer)

    def _closed(self, writer: EpisodeWriter) -> None:
        self.writer, self._stop_at = None, None
        self.event(
            EpisodeEvent(
                state='ended',
                episode=writer.header.id,
                rows=writer.rows,
                dropped=self.joiner.dropped,
                gaps=self.joiner.gaps,
                rate=self.joiner.rate,
                lost=dict(self.lost),
                outcome=self._outcome,
                ended=writer.ended,
                problem=self.problem,
            )
        )
