"""The policy bundle: two networks, a manifest and a self-test in a folder named by its content.

    <hash>/ encoder.onnx policy.onnx selftest.npz   each one's SHA-256 is in
            manifest.json                           and the manifest's SHA-256 is the folder's name

so that one changed byte anywhere is seen. In: bytes from export. Out: a Bundle, checked whole.
No pickle anywhere. Contract 3 of the architecture.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from moto_core.config import load_config, to_dict
from moto_core.durable import sync_folder, write_synced
from moto_core.errors import BundleError, MotoError
from moto_core.policy.signature import Signature, signature_from_dict
from moto_core.spec import Setup, Spec, spec_from_dict

FORMAT = 2
MANIFEST = 'manifest.json'
CONTENT = ('encoder.onnx', 'policy.onnx', 'selftest.npz')


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself; every field is in manifest.json."""

    spec: Spec  # what the policy sees, commands and at what rate
    encoder: Signature  # of encoder.onnx
    policy: Signature  # of policy.onnx
    setup: Setup = field(default_factory=Setup)  # of the robot whose episodes it learned from
    training: dict[str, Any] = field(default_factory=dict)  # the resolved training config
    git_hash: str = ''  # commit of the code that trained it; '' unknown
    episodes: list[str] = field(default_factory=list)  # ids of the episodes it learned from
    parent: str = ''  # hash of the bundle it was fine-tuned from
    disagreement_threshold: float | None = None  # above it: off what it knows; None: not measured
    tolerance: float = 1e-4  # self-test: error <= tolerance * max(1, |expected|)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)  # name: {bytes, sha256}
    format: int = FORMAT  # of this file

    def to_json(self) -> bytes:
        """Returns manifest.json: the same manifest always gives the same bytes."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        data |= {
            'spec': to_dict(self.spec),
            'setup': to_dict(self.setup),
            'rate': self.spec.rate,
            'encoder': self.encoder.to_dict(),
            'policy': self.policy.to_dict(),
        }
        return json.dumps(data, indent=1, sort_keys=True, allow_nan=False).encode() + b'\n'


class Bundle(NamedTuple):
    """A bundle whose every byte has been checked."""

    path: Path
    hash: str
    manifest: Manifest
    encoder: bytes
    policy: bytes
    selftest: dict[str, np.ndarray]


def write_bundle(
    folder: Path | str,
    encoder: bytes,
    policy: bytes,
    manifest: Manifest,
    selftest: Mapping[str, np.ndarray],
) -> Path:
    """Writes folder/<hash> atomically and returns its path; `manifest.files` is filled in here.

    A bundle that is there already with the same content is checked and returned.
    Raises BundleError where the disk refuses, or where that folder exists and is damaged.
    """
    try:
        content = dict(zip(CONTENT, (encoder, policy, _to_npz(selftest))))
        text = replace(manifest, files={n: _record(data) for n, data in content.items()}).to_json()
    except (TypeError, ValueError) as error:
        raise BundleError(
            f'the manifest is not plain JSON, or the self-test not plain arrays: {error}'
        ) from error
    name = hashlib.sha256(text).hexdigest()
    target = Path(folder) / name
    if not target.exists():
        try:
            _write_folder(target, {**content, MANIFEST: text})
        except OSError as error:
            if not target.exists():  # else: another process wrote the same bundle
                cause = error.strerror or error
                raise BundleError(f"cannot write the bundle '{target}': {cause}") from error
    verify_bundle(target)
    return target


def verify_bundle(path: Path | str) -> Manifest:
    """Checks every byte of a bundle and returns its manifest; raises BundleError (read_bundle)."""
    return read_bundle(path).manifest


def load_manifest(path: Path | str) -> Manifest:
    """Returns the manifest of a bundle once its own hash fits; the other files are not read."""
    folder = _bundle_folder(path)
    return _parse_manifest(folder / MANIFEST, _manifest_bytes(folder))


def read_bundle(path: Path | str) -> Bundle:
    """Reads a bundle and checks all of it.

    Raises BundleError that names the file, what was expected and what was found: a missing, extra,
    truncated or changed file, a manifest whose hash is not the folder's name, another format.
    """
    folder = _bundle_folder(path)
    expected = {MANIFEST, *CONTENT}
    found = set(os.listdir(folder))
    irregular = {name for name in found & expected if not (folder / name).is_file()}
    if found != expected or irregular:
        parts = (
            ('missing', expected - found),
            ('unexpected', found - expected),
            ('not a file', irregular),
        )
        what = '; '.join(f'{kind}: {", ".join(sorted(names))}' for kind, names in parts if names)
        raise BundleError(
            f"bundle '{folder}': {what}; expected exactly {', '.join(sorted(expected))}"
        )
    manifest = _parse_manifest(folder / MANIFEST, _manifest_bytes(folder))
    encoder, policy, selftest = (_checked(folder / name, manifest.files[name]) for name in CONTENT)
    return Bundle(
        folder,
        folder.name,
        manifest,
        encoder,
        policy,
        _from_npz(folder / 'selftest.npz', selftest),
    )


def _bundle_folder(path: Path | str) -> Path:
    folder = Path(path).resolve()
    if not folder.is_dir():
        kind = 'is not a folder' if folder.exists() else 'does not exist'
        raise BundleError(f"bundle '{path}' {kind}; expected a folder that moto-export wrote")
    return folder


def _manifest_bytes(folder: Path) -> bytes:
    text = _read(folder / MANIFEST)
    found = hashlib.sha256(text).hexdigest()
    if found != folder.name:
        raise BundleError(
            f"'{folder / MANIFEST}' is changed, or its folder renamed: expected "
            f'SHA-256 {folder.name} (the name of the folder), got {found}; '
            'export it again'
        )
    return text


def _parse_manifest(path: Path, text: bytes) -> Manifest:
    try:
        data = json.loads(text)
        if data['format'] != FORMAT:
            raise BundleError(
                f"'{path}': expected format {FORMAT}, got {data['format']}; "
                'export it again with this version'
            )
        spec = spec_from_dict(data.pop('spec'))
        setup = load_config(Setup, data.pop('setup', {}))  # older bundles say nothing of it
        rate = data.pop('rate')
        if rate != spec.rate:
            raise BundleError(f"'{path}': rate is {rate} Hz; expected the spec's {spec.rate} Hz")
        data['files'] = {
            name: {
                'bytes': int(data['files'][name]['bytes']),
                'sha256': str(data['files'][name]['sha256']),
            }
            for name in CONTENT
        }
        if not (isinstance(data['tolerance'], float) and 0 < data['tolerance'] < np.inf):
            raise BundleError(f"'{path}': tolerance is {data['tolerance']!r}; expected above 0")
        data |= {part: signature_from_dict(data[part]) for part in ('encoder', 'policy')}
        return Manifest(spec=spec, setup=setup, **data)
    except BundleError:
        raise
    except KeyError as error:
        raise BundleError(f"'{path}': expected a field {error}, got {sorted(data)}") from error
    except (TypeError, ValueError, AttributeError, MotoError) as error:
        raise BundleError(f"'{path}' is not a manifest: {error}") from error


def _checked(path: Path, record: Mapping[str, Any]) -> bytes:
    data = _read(path)
    found = _record(data)
    if found != record:
        cause = 'truncated' if len(data) < record['bytes'] else 'changed'
        key = 'sha256' if len(data) == record['bytes'] else 'bytes'
        raise BundleError(
            f"'{path}' is {cause}: expected {key} {record[key]}, got {found[key]}; export it again"
        )
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"cannot read '{path}': {error.strerror or error}") from error


def _record(data: bytes) -> dict[str, Any]:
    return {'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()}


def _to_npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(arrays[name]) for name in sorted(arrays)}
    objects = [name for name, array in plain.items() if array.dtype.hasobject]
    if objects:
        raise ValueError(f'Object arrays cannot be saved: {", ".join(objects)}')
    np.savez_compressed(stream, **plain)  # before numpy 2.1 allow_pickle is an array's name here
    return stream.getvalue()


def _from_npz(path: Path, data: bytes) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return dict(arrays)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise BundleError(f"'{path}' is not a file of plain arrays: {error}") from error


def _write_folder(target: Path, content: Mapping[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
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
