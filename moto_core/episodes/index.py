"""Which episodes a dataset holds: the manifest, checked against the episodes' own records.

In: a dataset's folder. Out: Index (identity, records, what does not belong). Writes nothing.
A line of the manifest is believed if its file has the size and the time of change that it says;
every other file is read whole, and a copy (`cp -r`) has all its files to be read. Bytes that
changed under the same size and time are found by `moto-data verify`, which reads every byte, and
where an episode is read: when it is compiled, merged or shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from moto_core.episodes.episode import FILE
from moto_core.episodes.examine import Finding, look
from moto_core.episodes.identity import Identity, differences
from moto_core.episodes.labels import LABELS, read_labels
from moto_core.episodes.layout import EPISODES, MANIFEST, folder_names, inside
from moto_core.episodes.manifest import ManifestLines, Record, manifest_line, read_manifest
from moto_core.episodes.quarantine import discarded, why_discarded
from moto_core.episodes.reader import read_header
from moto_core.errors import DatasetError, EpisodeError, counted
from moto_core.plain_file import is_plain


class Index(NamedTuple):
    """The episodes of a dataset, and what else lies there."""

    identity: Identity | None  # None without episodes
    records: dict[str, Record]  # every whole episode by id, with the file's own outcome
    foreign: dict[str, str]  # id: how it differs from the identity
    findings: list[Finding]
    stale: bool  # manifest.jsonl does not say the same
    read: int  # episode files that were read whole, for no record was known of them as they are


EMPTY = Index(identity=None, records={}, foreign={}, findings=[], stale=False, read=0)


def take_stock(
    root: Path,
    *,
    believe: bool = True,
    skip: frozenset[str] = frozenset(),
    new: frozenset[str] = frozenset(),
    known: Mapping[str, Record] = MappingProxyType({}),
) -> Index:
    """Returns what a dataset holds; `believe` False reads every byte instead of the manifest.

    `skip` are ids that this process is writing, `new` such as no manifest can know yet, `known`
    records that this process read before, believed as the manifest's are. What was discarded is
    no episode, though a copy of it lies in episodes/. Raises DatasetError if episodes/ or
    quarantine/ is a link.
    """
    manifest = read_manifest(root)
    findings = [
        Finding(id=MANIFEST, rows=0, reason=text, path=root / MANIFEST)
        for text in manifest.problems
    ]
    names = set(folder_names(root))
    believed: dict[str, Record] = {}
    looked: dict[str, Record | Finding | None] = {}
    names_here = names - skip
    taken_out = {name: place for name, place in discarded(root).items() if name in names_here}
    findings += [
        Finding(id=name, rows=0, reason=why_discarded(place), path=root / EPISODES / name)
        for name, place in taken_out.items()
    ]
    for name in sorted(names_here - taken_out.keys()):
        line = manifest.records.get(name)
        current = [item for item in (line, known.get(name)) if item and _is_current(root, item)]
        if believe and current:
            believed[name] = current[0]
        else:
            looked[name] = look(root, name)
    identity = _identity(manifest, _records(believed, looked))
    looked |= {name: look(root, name) for name in _doubtful(identity, believed)}
    records = _records(believed, looked)
    findings += [item for _, item in sorted(looked.items()) if isinstance(item, Finding)]
    # ids whose line did not fit their file
    again = [
        name
        for name, item in looked.items()
        if isinstance(item, Record) and name not in new
        if not _same(manifest.records.get(name), item)
    ]
    read = sum(isinstance(item, Record) for item in looked.values())
    findings += _manifest_findings(root, again, [*set(manifest.records) - names])
    identity = _identity(manifest, records)
    foreign = _foreign(identity, records)
    findings += [
        Finding(
            id=key,
            rows=records[key].rows,
            reason=f'it is foreign here: {why}',
            path=records[key].path,
        )
        for key, why in foreign.items()
    ]
    findings += _label_findings(records)
    stale = bool(manifest.problems) or manifest.identity != identity
    stale |= manifest.records.keys() != records.keys()
    stale |= not all(_same(manifest.records.get(key), value) for key, value in records.items())
    return Index(
        identity=identity,
        records=records,
        foreign=foreign,
        findings=findings,
        stale=stale,
        read=read,
    )


def find_record(index: Index, text: str, root: Path) -> Record:
    """Returns the record whose id is `text`, or the only one that starts or ends with it."""
    text, records = text.upper(), index.records
    near = [key for key in records if text and (key.startswith(text) or key.endswith(text))]
    if text in records:
        near = [text]
    if len(near) == 1:
        return records[near[0]]
    for item in index.findings:
        if item.damaged and text and (item.id.startswith(text) or item.id.endswith(text)):
            raise DatasetError(
                f"'{item.path}' is damaged: {item.reason}; {item.rows} whole rows before it can "
                "be kept with 'moto-data recover'"
            )
    problem = f'{len(near)} episodes' if near else 'no episode'
    raise DatasetError(
        f"{problem} '{text}' among {len(records)} in '{root}'; 'moto-data inspect' lists the ids"
    )


def labelled(record: Record) -> Record:
    """Returns the record with the outcome that its last label gives."""
    outcome = read_labels(record.path.parent).outcome
    return replace(record, outcome=outcome) if outcome else record


def _is_current(root: Path, record: Record) -> bool:
    """Says whether the record's file is there and as old and large as the manifest says."""
    try:
        path = inside(root, EPISODES, record.id, FILE)
        status = path.lstat()
    except (DatasetError, OSError):
        return False
    return is_plain(path) and (status.st_size, status.st_mtime_ns) == (record.size, record.changed)


def _same(known: Record | None, found: Record) -> bool:
    if known is None or known is found:
        return known is found
    return manifest_line(known) == manifest_line(found)


def _manifest_findings(root: Path, again: list[str], gone: list[str]) -> list[Finding]:
    found = []
    if again:
        episodes = counted(len(again), 'episode')
        found.append(
            f'no line of it fits {episodes}, read again (nothing is lost by that): {_some(again)}'
        )
    if gone:
        found.append(f'{len(gone)} of its lines have no episode any more: {_some(gone)}')
    return [Finding(id=MANIFEST, rows=0, reason=reason, path=root / MANIFEST) for reason in found]


def _some(names: list[str]) -> str:
    return ', '.join(sorted(names)[:3]) + (', ...' if len(names) > 3 else '')


def _identity(manifest: ManifestLines, records: dict[str, Record]) -> Identity | None:
    """Returns the manifest's identity if an episode has it, or else the one that most have."""
    counts = Counter(records[key].identity_key for key in sorted(records))
    if manifest.identity is not None and manifest.identity.key in counts:
        return manifest.identity
    for key, _ in counts.most_common():
        for record in records.values():
            if record.identity_key == key:
                found = _file_identity(record)
                if found is not None:
                    return found
    return None


def _foreign(identity: Identity | None, records: dict[str, Record]) -> dict[str, str]:
    found, ours = {}, identity.key if identity is not None else ''
    for key, record in records.items():
        if identity is not None and record.identity_key != ours:
            theirs = _file_identity(record)
            found[key] = (
                '; '.join(differences(identity, theirs.spec, theirs.setup))
                if theirs is not None
                else 'it cannot be read any more'
            )
    return found


def _doubtful(identity: Identity | None, believed: dict[str, Record]) -> list[str]:
    """Lists the records of another identity than the dataset's that their own file denies."""
    found, ours = [], identity.key if identity is not None else ''
    for name, record in believed.items():
        if record.identity_key != ours:
            theirs = _file_identity(record)
            if theirs is None or theirs.key != record.identity_key:
                found.append(name)
    return found


def _file_identity(record: Record) -> Identity | None:
    """Returns the identity that an episode's own header says, None if it cannot be read."""
    try:
        header = read_header(record.path)
    except (EpisodeError, OSError):
        return None
    return Identity(header.spec, header.setup)


def _records(
    believed: dict[str, Record], looked: Mapping[str, Record | Finding | None]
) -> dict[str, Record]:
    """Returns the whole episodes by id, in order; what was looked at counts more."""
    found = {**believed, **looked}
    return {name: item for name, item in sorted(found.items()) if isinstance(item, Record)}


def _label_findings(records: dict[str, Record]) -> list[Finding]:
    found = []
    for key, record in records.items():
        problem = read_labels(record.path.parent).problem
        if problem:
            found.append(
                Finding(id=key, rows=record.rows, reason=problem, path=record.path.parent / LABELS)
            )
    return found
