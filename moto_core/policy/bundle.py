"""The policy bundle: two networks, a manifest and a self-test in a folder named by its content.

    <hash>/ encoder.onnx policy.onnx selftest.npz   each one's SHA-256 is in
            manifest.json                           and the manifest's SHA-256 is the folder's name

so that one changed byte anywhere is seen. A hash proves that a bundle is whole, not where it comes
from. In: bytes from export. Out: a Bundle. No pickle anywhere. Contract 3 of the architecture.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from moto_core.durable import sync_folder, write_synced
from moto_core.errors import BundleError, one_line
from moto_core.policy.arrays import pack_arrays
from moto_core.policy.manifest import MAX_BYTES, Manifest, parse_manifest

MANIFEST = 'manifest.json'
CONTENT = tuple(MAX_BYTES)
MAX_MANIFEST = 4 << 20  # [bytes]: a config and the ids of 100,000 episodes
PART = re.compile(r'\.[0-9a-f]{16}\.\w+\.part')  # a bundle that is being written
ABANDONED = 3600.0  # [s] after which its writer was killed: writing takes seconds
SHOWN = 8  # names of unexpected files in a message


class Bundle(NamedTuple):
    """A bundle whose every byte has the hash it should have; what the bytes do is not checked."""

    path: Path
    hash: str
    manifest: Manifest
    encoder: bytes
    policy: bytes
    selftest: bytes  # a .npz; selftest.py reads it


def write_bundle(
    folder: Path | str,
    encoder: bytes,
    policy: bytes,
    manifest: Manifest,
    selftest: Mapping[str, np.ndarray],
) -> Path:
    """Writes folder/<hash> atomically and returns its path; `manifest.files` is filled in here.

    A bundle that is there already with the same content is checked and returned.
    Raises BundleError if the manifest could not be read again, if the disk refuses, or if that
    folder exists and is damaged.
    """
    try:
        content = dict(zip(CONTENT, (encoder, policy, pack_arrays(selftest))))
        files = {name: _record(data) for name, data in content.items()}
        text = replace(manifest, files=files).to_json()
    except (TypeError, ValueError) as error:
        raise BundleError(
            f'the manifest is not plain JSON, or the self-test not plain arrays: {error}'
        ) from error
    if len(text) > MAX_MANIFEST:
        raise BundleError(f'the manifest has {len(text)} bytes; expected at most {MAX_MANIFEST}')
    parse_manifest(text)  # what could not be read again is not written
    name = hashlib.sha256(text).hexdigest()
    target = Path(folder) / name
    if not target.exists():
        try:
            _write_folder(target, {**content, MANIFEST: text})
        except OSError as error:
            if not target.exists():  # else: another process wrote the same bundle
                cause = error.strerror or error
                raise BundleError(f"cannot write the bundle '{target}': {cause}") from error
    read_bundle(target)
    return target


def read_bundle(path: Path | str) -> Bundle:
    """Reads a bundle and checks the hash of all of it; `path` may be a link to its folder.

    Raises BundleError that names the file, what was expected and what was found: a missing, extra,
    truncated, changed or far too large file, a link, a manifest whose hash is not the folder's
    name, a field that is not as it must be, another format.
    """
    try:
        folder = Path(path).resolve()
        there = folder.is_dir()
    except (OSError, RuntimeError) as error:  # too long a name, a loop of links
        raise BundleError(f"cannot read the bundle '{path}': {error}") from error
    if not there:
        kind = 'is not a folder' if folder.exists() else 'does not exist'
        raise BundleError(
            f"bundle '{path}' {kind}; expected a folder that moto-export wrote, or a file that "
            'names one (moto-export --name-file; moto-finetune writes it with its first policy)'
        )
    _check_listing(folder)
    manifest = _read_manifest(folder)
    encoder, policy, selftest = (_checked(folder / name, manifest.files[name]) for name in CONTENT)
    return Bundle(
        path=folder,
        hash=folder.name,
        manifest=manifest,
        encoder=encoder,
        policy=policy,
        selftest=selftest,
    )


def _check_listing(folder: Path) -> None:
    expected = {MANIFEST, *CONTENT}
    try:
        found = {entry.name: entry for entry in os.scandir(folder)}
    except OSError as error:
        raise BundleError(f"cannot read '{folder}': {error.strerror or error}") from error
    ours = [entry for name, entry in found.items() if name in expected]
    parts = {
        'missing': expected - found.keys(),
        'unexpected': found.keys() - expected,
        'a link': {entry.name for entry in ours if entry.is_symlink()},
        'not a file': {
            entry.name for entry in ours if not (entry.is_file() or entry.is_symlink())
        },
    }
    what = '; '.join(f'{kind}: {_listed(names)}' for kind, names in parts.items() if names)
    if what:
        raise BundleError(
            f"bundle '{folder}': {what}; expected exactly {', '.join(sorted(expected))}"
        )


def _listed(names: set[str]) -> str:
    shown = ', '.join(one_line(name) for name in sorted(names)[:SHOWN])
    return shown + (f' and {len(names) - SHOWN} more' if len(names) > SHOWN else '')


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    text, size = _read(path, MAX_MANIFEST)
    if size > MAX_MANIFEST:
        raise BundleError(
            f"'{path}' has {size} bytes; expected at most {MAX_MANIFEST}; export it again"
        )
    found = hashlib.sha256(text).hexdigest()
    if found != folder.name:
        raise BundleError(
            f"'{path}' is changed, or its folder renamed: expected SHA-256 {folder.name} "
            f'(the name of the folder), got {found}; export it again'
        )
    try:
        return parse_manifest(text)
    except BundleError as error:
        raise BundleError(f"'{path}': {error}") from error


def _checked(path: Path, record: Mapping[str, Any]) -> bytes:
    """Returns a file that has the size and hash of its record; reads no more than that size."""
    data, size = _read(path, record['bytes'])
    if size != record['bytes']:
        cause = 'truncated' if size < record['bytes'] else 'changed'
        raise BundleError(
            f"'{path}' is {cause}: expected bytes {record['bytes']}, got {size}; export it again"
        )
    found = _record(data)['sha256']
    if found != record['sha256']:
        raise BundleError(
            f"'{path}' is changed: expected sha256 {record['sha256']}, got {found}; "
            'export it again'
        )
    return data


def _read(path: Path, most: int) -> tuple[bytes, int]:
    """Returns at most the first `most` bytes of a file that is no link, and how many it has."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, 'rb') as stream:
            return stream.read(most), os.fstat(handle).st_size
    except OSError as error:
        raise BundleError(f"cannot read '{path}': {error.strerror or error}") from error


def _record(data: bytes) -> dict[str, Any]:
    return {'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()}


def _write_folder(target: Path, content: Mapping[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target.parent)
    temporary = Path(tempfile.mkdtemp('.part', f'.{target.name[:16]}.', target.parent))
    try:
        for name, data in content.items():
            write_synced(temporary / name, data)
        temporary.chmod(0o755)
        sync_folder(temporary)
        temporary.rename(target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _remove_abandoned(folder: Path) -> None:
    """Removes what a writer that was killed has left."""
    for path in folder.iterdir():
        if not PART.fullmatch(path.name):
            continue
        with suppress(FileNotFoundError):  # its writer, or another who tidies, was faster
            if time.time() - path.lstat().st_mtime > ABANDONED:
                shutil.rmtree(path, ignore_errors=True)  # never what a link leads to
