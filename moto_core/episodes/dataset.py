"""A folder of episodes: one writer at a time, labels, recovery, quarantine; nothing is deleted.

In: episodes. Out: Records, EpisodeWriters. Where things lie is in layout.py. Reading needs no
lock and never writes; the manifest is an index that is checked against the episodes' sizes and
times of change (index.py); `verify` reads every byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from moto_core.durable import sync_folder
from moto_core.episodes.bag import write_bag_metadata
from moto_core.episodes.episode import FILE, Episode, EpisodeHeader
from moto_core.episodes.examine import Finding, examine
from moto_core.episodes.identity import Identity, differences
from moto_core.episodes.index import EMPTY, find_record, labelled, take_stock
from moto_core.episodes.labels import LABELS, add_label
from moto_core.episodes.layout import (
    EPISODES,
    MANIFEST,
    check_root,
    episode_file,
    episode_folder,
    folder_names,
    make_folders,
)
from moto_core.episodes.lock import acquire, take_back
from moto_core.episodes.manifest import Record, append_manifest, make_record, write_manifest
from moto_core.episodes.quarantine import discarded, set_folder_aside, why_discarded
from moto_core.episodes.reader import read_episode
from moto_core.episodes.repair import (
    add_bag_metadata,
    keep_whole_rows,
    recover_unfinished,
    unfinished,
    why_unfinished,
)
from moto_core.episodes.writer import FREE_FLOOR, EpisodeWriter
from moto_core.errors import DatasetError
from moto_core.spec import Setup, Spec


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
        self._lock, self._free = lock, free
        self._open: set[str] = set()  # ids that this process writes now
        self._declared: tuple[Spec | None, Setup | None] = (None, None)  # while it is empty
        self._recovered = recover_unfinished(self.root, frozenset()) if lock else []
        self.index = EMPTY  # as of the last refresh
        self.refresh()

    @classmethod
    def create_or_open(
        cls,
        root: Path | str,
        spec: Spec | None = None,
        lock: bool = True,
        floor: int = FREE_FLOOR,
        free: Callable[[Path], int] | None = None,
        setup: Setup | None = None,
    ) -> Dataset:
        """Opens the dataset at `root`, making it if needed, and recovers unfinished episodes.

        `lock` False reads beside a recorder: it makes, recovers and writes nothing. `floor`
        [bytes] stays free on the disk. Raises DatasetError if another process records into
        it, it cannot be written (nothing half is left), one of its folders is a link, or its
        episodes have another spec or setup.
        """
        root = Path(root)
        if not lock:
            _check_there(root)
        check_root(root)
        made = make_folders(root) if lock else []
        held = None
        try:
            held = acquire(root) if lock else None
            made += make_folders(root) if lock else []  # one who failed may have taken his back
            dataset = cls(root, held, floor, free)
            dataset.check(spec, setup)
        except BaseException:
            take_back(root, made, held)
            raise
        dataset._declared = (spec, setup)
        return dataset

    @classmethod
    def open(cls, root: Path | str, lock: bool = False) -> Dataset:
        """Opens an existing dataset; raises DatasetError if there is none."""
        _check_there(Path(root))
        return cls.create_or_open(root, lock=lock)

    @property
    def spec(self) -> Spec | None:
        """The spec that every episode has; None in an empty dataset that was given none."""
        return self.index.identity.spec if self.index.identity else self._declared[0]

    @property
    def setup(self) -> Setup | None:
        """The setup that every episode has; None in an empty dataset that was given none."""
        return self.index.identity.setup if self.index.identity else self._declared[1]

    @property
    def findings(self) -> list[Finding]:
        """What was recovered at opening, and what lies there that does not belong."""
        return [*self._recovered, *self.index.findings]

    @property
    def left_out(self) -> dict[str, str]:
        """What lies in episodes/ and is not used, by name, and why: damaged, foreign, a copy."""
        care = "; 'moto-data recover' keeps its {} whole rows"
        return {
            item.id: item.reason + (care.format(item.rows) if item.damaged else '')
            for item in self.index.findings
            if item.id != MANIFEST and item.path.name != LABELS
        }

    def check(self, spec: Spec | None, setup: Setup | None = None) -> None:
        """Raises DatasetError that names both values if episodes of these do not fit here."""
        known_spec, known_setup = self.spec, self.setup
        if spec is None or known_spec is None:
            return
        ours = Identity(known_spec, known_setup or setup or Setup())
        found = differences(ours, spec, setup)
        if found:
            raise DatasetError(
                f"the dataset '{self.root}' and the new episodes differ: {'; '.join(found)}. "
                'Record into a new folder'
            )

    def new_episode(self, header: EpisodeHeader, compression: str = 'zstd') -> EpisodeWriter:
        """Returns a writer for a new episode; it joins the manifest when it closes."""
        self._need_lock('record')
        self.check(header.spec, header.setup)
        self._declared = (header.spec, header.setup)
        writer = EpisodeWriter(
            episode_folder(self.root, header.id),
            header,
            floor=self.floor,
            free=self._free,
            compression=compression,
            on_close=self._closed,
        )
        self._open.add(header.id)
        return writer

    def adopt(self, path: Path | str) -> Record:
        """Adds a closed episode file that another process wrote under episodes/; its Record.

        Raises DatasetError for a file elsewhere, a damaged one, a copy under another name, one
        of another spec or setup, and one that was discarded here.
        """
        self._need_lock('add an episode')
        path = Path(path)
        place = self.root / 'episodes' / path.parent.name / FILE
        if path.absolute() != place.absolute():
            raise DatasetError(f"'{path}' is not under '{self.root / 'episodes'}'; move it there")
        wanted = episode_file(self.root, path.parent.name)
        record, identity = self._examine(wanted, path.parent.name, path)
        write_bag_metadata(wanted.parent)
        self._keep(record, identity)
        return record

    def take_in(self, part: Path, episode: str, origin: Path) -> Record:
        """Adds a folder that was made beside the episodes under a hidden name; its Record.

        Its file, a copy of `origin`, is read whole before the folder gets its name. Raises
        DatasetError as `adopt` does, EpisodeError or OSError if the disk refuses; the folder has
        its hidden name then.
        """
        self._need_lock('add an episode')
        record, identity = self._examine(part / FILE, episode, origin)
        write_bag_metadata(part)
        folder = episode_folder(self.root, episode)
        part.rename(folder)
        sync_folder(folder.parent)
        record = replace(record, path=folder / FILE)
        self._keep(record, identity)
        return record

    def episodes(self) -> list[Record]:
        """Lists the closed episodes, oldest first, with their latest labels."""
        found = self.index.records
        return [labelled(found[key]) for key in sorted(found) if key not in self.index.foreign]

    def find(self, text: str) -> Record:
        """Returns the episode whose id is `text`, or the only one that starts or ends with it.

        Raises DatasetError if there is none or several, and says why a damaged one is not used.
        """
        return labelled(find_record(self.index, text, self.root))

    def read(self, episode: str) -> Episode:
        """Reads a whole episode by id."""
        return read_episode(episode_file(self.root, self.find(episode).id))

    def label(self, episode: str, label: str, by: str = '', rows: int = 0) -> None:
        """Appends a label ('success', 'failure' or 'unlabelled'); needs no lock.

        The last one wins, a success classifier's only where nobody else gave one (labels.py).
        An episode that this dataset writes now is labelled by its whole id, with the `rows` that
        the label speaks of.
        """
        name = episode if episode in self._open else self.find(episode).id
        add_label(episode_folder(self.root, name), label, by, rows)

    def refresh(self) -> None:
        """Takes stock again; with the lock, the manifest is made to say what was found.

        A file that was read before and did not change is not read again.
        """
        skip, new = frozenset(self._open), frozenset(item.id for item in self._recovered)
        self.index = take_stock(self.root, skip=skip, new=new, known=self.index.records)
        if self._lock and self.index.stale:
            self._write()

    def write_index(self) -> bool:
        """Makes the manifest say what was found, so that the next opening need not read it again.

        A dataset that was opened without its LOCK holds it for that moment. Returns False if
        another process holds it or the manifest cannot be written.
        """
        if self._lock or not self.index.stale:
            return True
        try:
            with acquire(self.root):
                earlier, self.index = self.index, take_stock(self.root, known=self.index.records)
                self._write()
        except DatasetError:
            return False
        self.index = self.index._replace(stale=False, read=earlier.read + self.index.read)
        return True

    def recover(self) -> list[Finding]:
        """Makes episodes of what a dead recorder left; what cannot be read goes to quarantine."""
        self._need_lock('recover')
        found = recover_unfinished(self.root, frozenset(self._open))
        self._recovered += found
        self.refresh()
        return found

    def verify(self, repair: bool = False) -> list[Finding]:
        """Reads every byte of every episode, label and line; lists what is wrong.

        `repair` keeps the whole rows before the damage, moves the damaged file to quarantine,
        and makes each folder a bag that is none; without it nothing is changed.
        """
        skip = frozenset(self._open)
        index = take_stock(self.root, believe=False, skip=skip)
        found = [
            Finding(id=path.parent.name, rows=0, reason=why_unfinished(path), path=path)
            for path in unfinished(self.root, skip)
        ]
        if not repair:
            return index.findings + found
        self._need_lock('repair')
        repaired = [
            keep_whole_rows(self.root, item.path) if item.damaged else item
            for item in index.findings
        ]
        add_bag_metadata(self.root, index.records)
        self.refresh()
        return repaired + found

    def quarantine(self, episode: str, reason: str) -> Path:
        """Moves an episode with its labels out of the dataset; returns its new folder.

        `episode` is an id, the start or end of one, or the name of a folder in episodes/.
        """
        self._need_lock('quarantine')
        exact = episode in folder_names(self.root) and episode not in self._open
        name = episode if exact else self.find(episode).id
        place = set_folder_aside(self.root, name, reason)
        if self.index.records.pop(name, None):
            self.index.foreign.pop(name, None)
            self._write()
        return place

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

    def _examine(self, path: Path, episode: str, shown: Path) -> tuple[Record, Identity]:
        """Reads a file whole; raises DatasetError if it is damaged or does not belong here."""
        found = examine(path)
        if found.record is None or found.header is None:
            raise DatasetError(f"'{shown}' is damaged: {found.damage}")
        if found.header.id != episode:
            raise DatasetError(f"'{shown}' holds episode {found.header.id}; name its folder so")
        taken_out = discarded(self.root)
        if episode in taken_out:
            raise DatasetError(f"'{shown}': {why_discarded(taken_out[episode])}")
        self.check(found.header.spec, found.header.setup)
        return found.record, Identity(found.header.spec, found.header.setup)

    def _closed(self, writer: EpisodeWriter) -> None:
        header = writer.header
        self._open.discard(header.id)
        record = make_record(writer.path, header, writer.totals, writer.outcome, writer.ended)
        self._keep(record, Identity(header.spec, header.setup))

    def _keep(self, record: Record, identity: Identity) -> None:
        known = record.id in self.index.records
        self.index.records[record.id] = record
        if known or self.index.identity is None:
            self.index = self.index._replace(identity=self.index.identity or identity)
            self._write()
        else:
            append_manifest(self.root, record)

    def _write(self) -> None:
        records = self.index.records
        write_manifest(self.root, self.index.identity, [records[key] for key in sorted(records)])

    def _need_lock(self, action: str) -> None:
        if self._lock is None:
            raise DatasetError(f"cannot {action} in '{self.root}': it was opened without its LOCK")


def _check_there(root: Path) -> None:
    if not (root / EPISODES).is_dir():
        raise DatasetError(
            f"no dataset at '{root}'; expected a folder with episodes/ in it. "
            "'moto-data collect' makes one"
        )
