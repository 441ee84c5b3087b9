"""A folder of episodes: one writer at a time, labels, recovery, quarantine; nothing is deleted.

    dataset/manifest.jsonl                      spec and one line an episode (derived)
    dataset/LOCK                                held by the one process that records
    dataset/episodes/<ulid>/episode.mcap        and labels.jsonl beside it
    dataset/{cache,exports}/                    made from the episodes at will
    dataset/quarantine/<ulid>/                  damaged files, each with a REASON

In: episodes. Out: Records, EpisodeWriters.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from filelock import FileLock, Timeout

from moto_core.config import to_dict
from moto_core.episodes.episode import FILE, Episode, EpisodeHeader
from moto_core.episodes.manifest import (
    Record,
    add_label,
    append_manifest,
    episode_files,
    labelled,
    make_record,
    read_manifest,
    scan,
    write_manifest,
)
from moto_core.episodes.reader import read_episode, salvage
from moto_core.episodes.recovery import recover
from moto_core.episodes.writer import FREE_FLOOR, EpisodeWriter
from moto_core.errors import DatasetError, EpisodeError
from moto_core.spec import Spec, spec_from_dict, spec_mismatches


class Finding(NamedTuple):
    """What recovery or verification did with one episode."""

    id: str
    rows: int  # whole rows kept
    reason: str
    path: Path  # where the episode, or what is left of it, lies now


class Dataset:
    """An open dataset folder; make one with `Dataset.create_or_open` or `Dataset.open`."""

    def __init__(
        self,
        root: Path | str,
        lock: FileLock | None = None,
        floor: int = FREE_FLOOR,
        free: Callable[[Path], int] | None = None,
    ) -> None:
        self.root, self.floor = Path(root), floor
        self.findings: list[Finding] = []  # of the recovery at opening
        self._lock, self._free = lock, free
        self._spec: Spec | None = None
        self._records: dict[str, Record] = {}
        self._open: set[str] = set()  # ids that this process writes now
        self.refresh()

    @classmethod
    def create_or_open(
        cls,
        root: Path | str,
        spec: Spec | None = None,
        lock: bool = True,
        floor: int = FREE_FLOOR,
        free: Callable[[Path], int] | None = None,
    ) -> Dataset:
        """Opens the dataset at `root`, making it if needed, and recovers unfinished episodes.

        `lock` False reads beside a recorder and recovers nothing. `floor` [bytes] stays free on
        the disk. Raises DatasetError where another process records into it, where it cannot be
        written, or where `spec` differs from the one its episodes have.
        """
        root = Path(root)
        wanted = lock or not (root / 'episodes').is_dir()
        try:
            for name in wanted * ('episodes', 'cache', 'exports', 'quarantine'):
                (root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatasetError(f"cannot make a dataset at '{root}': {error}") from error
        dataset = cls(root, _acquire(root) if lock else None, floor, free)
        try:
            if lock:
                dataset.findings = dataset.recover()
            if spec is not None:
                dataset._agree(spec)
        except BaseException:
            dataset.close()
            raise
        return dataset

    @classmethod
    def open(cls, root: Path | str, lock: bool = False) -> Dataset:
        """Opens an existing dataset; raises DatasetError where there is none."""
        if not (Path(root) / 'episodes').is_dir():
            raise DatasetError(
                f"no dataset at '{root}'; expected a folder with episodes/ in it. "
                "'moto-data collect' makes one"
            )
        return cls.create_or_open(root, lock=lock)

    @property
    def spec(self) -> Spec | None:
        """The spec that every episode has; None in an empty dataset."""
        return self._spec

    def new_episode(self, header: EpisodeHeader) -> EpisodeWriter:
        """Returns a writer for a new episode; it joins the manifest when it closes."""
        self._need_lock('record')
        self._agree(header.spec)
        folder = self.root / 'episodes' / header.id
        writer = EpisodeWriter(
            folder, header, floor=self.floor, free=self._free, on_close=self._closed
        )
        self._open.add(header.id)
        return writer

    def adopt(self, path: Path | str) -> Record:
        """Adds a closed episode file that another process wrote under episodes/; its Record."""
        self._need_lock('add an episode')
        path = Path(path)
        if path.parent.parent != self.root / 'episodes':
            raise DatasetError(f"'{path}' is not under '{self.root / 'episodes'}'; move it there")
        record, header = scan(path)
        self._agree(header.spec)
        self._keep(record)
        return record

    def episodes(self) -> list[Record]:
        """Lists the closed episodes, oldest first, with their latest labels."""
        return [labelled(self._records[key]) for key in sorted(self._records)]

    def find(self, text: str) -> Record:
        """Returns the episode whose id is `text`, or the only one that starts or ends with it."""
        text = text.upper()
        near = [
            key for key in self._records if text and (key.startswith(text) or key.endswith(text))
        ]
        if text in self._records:
            near = [text]
        if len(near) != 1:
            problem = 'no episode' if not near else f'{len(near)} episodes'
            raise DatasetError(
                f"{problem} '{text}' among {len(self._records)} in '{self.root}'; "
                "'moto-data inspect' lists the ids"
            )
        return labelled(self._records[near[0]])

    def read(self, episode: str) -> Episode:
        """Reads a whole episode by id."""
        return read_episode(self.find(episode).path)

    def label(self, episode: str, label: str, by: str = '') -> None:
        """Appends a label ('success', 'failure' or 'unlabelled'); needs no lock, the last wins."""
        add_label(self.find(episode).path.parent, label, by)

    def refresh(self) -> None:
        """Reads the manifest again and the files that it does not know yet."""
        data, self._records = read_manifest(self.root)
        self._spec = spec_from_dict(data) if data else None
        for path in episode_files(self.root):
            if path.parent.name not in self._records:
                try:
                    record, header = scan(path)
                except EpisodeError:
                    continue  # verify finds and quarantines it
                self._records[record.id] = record
                self._spec = self._spec or header.spec
        if self._lock:
            self._write()

    def recover(self) -> list[Finding]:
        """Makes episodes of what a dead recorder left; what cannot be read goes to quarantine."""
        self._need_lock('recover')
        found = [
            self._recover(path)
            for path in sorted(self.root.glob(f'episodes/*/{FILE}.active'))
            if path.parent.name not in self._open
        ]
        self._write()
        return found

    def verify(self, repair: bool = False) -> list[Finding]:
        """Checks every byte of every episode; lists the damaged ones.

        `repair` keeps the whole rows before the damage and moves the damaged file to quarantine.
        """
        found = []
        for path in episode_files(self.root):
            result = salvage(path)
            if result.damage or not result.rows:
                reason = result.damage or 'it holds no whole row'
                finding = Finding(path.parent.name, len(result.rows), reason, path)
                found.append(self._recover(path) if repair else finding)
        if repair:
            self._write()
        return found

    def quarantine(self, episode: str, reason: str) -> Path:
        """Moves an episode with its labels out of the dataset; returns its new folder."""
        self._need_lock('quarantine')
        return self._quarantine(self.find(episode).path.parent, reason)

    def close(self) -> None:
        """Gives the lock back."""
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Dataset:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _closed(self, writer: EpisodeWriter) -> None:
        self._open.discard(writer.header.id)
        self._keep(
            make_record(
                writer.path,
                writer.header,
                writer.rows,
                writer.return_,
                writer.success,
                writer.outcome,
                writer.ended,
            )
        )

    def _keep(self, record: Record) -> None:
        self._records[record.id] = record
        append_manifest(self.root, record)

    def _write(self) -> None:
        spec = to_dict(self._spec) if self._spec else None
        write_manifest(self.root, spec, [self._records[key] for key in sorted(self._records)])

    def _agree(self, spec: Spec) -> None:
        if self._spec is None:
            self._spec = spec
            if self._lock:
                self._write()
        elif self._spec.hash != spec.hash:
            found = spec_mismatches(spec, self._spec) or spec_mismatches(self._spec, spec)
            raise DatasetError(
                f"the dataset '{self.root}' has another spec ('policy' is the new "
                f"one's, 'robot' the dataset's): {'; '.join(found)}. Record into a "
                'new folder'
            )

    def _need_lock(self, action: str) -> None:
        if self._lock is None:
            raise DatasetError(f"cannot {action} in '{self.root}': it was opened without its LOCK")

    def _recover(self, path: Path) -> Finding:
        self._need_lock('recover')
        folder, found = path.parent, salvage(path)
        reason = found.damage or 'the recorder stopped without closing it'
        if not found.rows:
            reason = f'no whole row: {reason}'
            return Finding(folder.name, 0, reason, self._quarantine(folder, reason))
        record, header = scan(recover(path))  # an error here is the disk's, not the file's
        self._agree(header.spec)
        for damaged in folder.glob('*.damaged'):
            place = self._place(folder.name)
            damaged.replace(place / damaged.name)
            (place / 'REASON').write_text(reason + '\n')
        self._records[record.id] = record
        return Finding(record.id, record.rows, reason, record.path)

    def _quarantine(self, folder: Path, reason: str) -> Path:
        place = self._place(folder.name)
        folder.replace(place)
        (place / 'REASON').write_text(reason + '\n')
        if self._records.pop(folder.name, None):
            self._write()
        return place

    def _place(self, name: str) -> Path:
        """Makes a new, empty folder in quarantine/."""
        for number in range(1_000_000):
            place = self.root / 'quarantine' / (f'{name}-{number}' if number else name)
            if not place.exists():
                place.mkdir(parents=True)
                return place
        raise DatasetError(f"no free name for '{name}' in quarantine/; empty it")


def _acquire(root: Path) -> FileLock:
    path = root / 'LOCK'
    holder = path.read_text().strip() if path.exists() else ''
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise DatasetError(
            f"another recorder holds '{root}' ({holder or 'unknown'}); stop it "
            'first, or choose another dataset folder'
        ) from error
    except OSError as error:
        raise DatasetError(f"cannot lock '{path}': {error}") from error
    path.write_text(
        f'pid {os.getpid()} on {socket.gethostname()} since {time.strftime("%Y-%m-%d %H:%M:%S")}\n'
    )
    return lock
