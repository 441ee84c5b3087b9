"""A success classifier as one file: whole or absent, and read without running anything of it.

    torch's zip of {'format', 'about': JSON, 'weights': {name: tensor}, 'hash'}

In: Classifier. Out: a file; Classifier. The hash proves that nothing was damaged, not who wrote
it, so that nothing is believed before it is checked: sizes before anything is unpacked, shapes
before any memory is taken for them.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from moto_core.config import load_config
from moto_core.durable import replace_synced
from moto_core.episodes.identity import identity_from_dict
from moto_core.errors import MotoError, one_line
from moto_core.plain_file import read_plain
from moto_core.strict_json import parse_json
from moto_learning.classifier.classifier import Classifier
from moto_learning.classifier.fit import ClassifierError
from moto_learning.classifier.judgement import Judged
from moto_learning.classifier.network import SuccessClassifier
from moto_learning.classifier.settings import ClassifierSettings
from moto_learning.classifier.split import KINDS

FORMAT = 'moto success classifier 1'
LIMIT = 1 << 28  # [bytes] of the file, and of what it unpacks to
ABOUT_LIMIT = 1 << 22  # characters
KEYS = {'format', 'about', 'weights', 'hash'}
KINDS_OF_ABOUT: dict[str, type] = {
    'settings': dict,
    'identity': dict,
    'task': str,
    'learned': list,
    'held_out': list,
    'git': str,
}


def write_classifier(path: Path, classifier: Classifier) -> None:
    """Writes the file at once; raises ClassifierError if it cannot, and leaves what was there."""
    stream = io.BytesIO()
    state = {
        'format': FORMAT,
        'about': json.dumps(classifier.about),
        'weights': dict(classifier.network.state_dict()),
        'hash': classifier.hash,
    }
    torch.save(state, stream)
    try:
        replace_synced(path, stream.getvalue())
    except OSError as error:
        raise ClassifierError(f"cannot write the classifier '{path}': {error}") from error


def read_classifier(path: Path) -> Classifier:
    """Returns the classifier in a file; raises ClassifierError for any that is not one, whole."""
    try:
        data = read_plain(path.resolve(), LIMIT)
    except (OSError, ValueError) as error:
        raise ClassifierError(f"cannot read the classifier '{path}': {one_line(error)}") from error
    try:
        return _parse(data)
    except Exception as error:  # noqa: BLE001 - torch raises many kinds
        kind = '' if isinstance(error, (MotoError, ValueError)) else f'{type(error).__name__}: '
        raise ClassifierError(
            f"'{path}' is no success classifier, or damaged ({kind}{one_line(error, 200)}); "
            "'moto-data classify DATASET --out FILE' makes one"
        ) from error


def _parse(data: bytes) -> Classifier:
    _check_members(data)
    state = torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)
    if not isinstance(state, dict) or set(state) != KEYS or state['format'] != FORMAT:
        raise ValueError(f"it does not hold a '{FORMAT}'")
    about = _about(state['about'])
    identity = identity_from_dict(about['identity'])
    settings = load_config(ClassifierSettings, about['settings'])
    with torch.device('meta'):  # shapes alone: what the settings ask for takes no memory
        network = SuccessClassifier(identity.spec, settings.model)
    _check_weights(state['weights'], network.state_dict())
    network.load_state_dict(state['weights'], assign=True)
    found = Classifier(
        settings=settings,
        identity=identity,
        task=about['task'],
        learned=tuple(about['learned']),
        held_out=tuple(map(_judged, about['held_out'])),
        git=about['git'],
        network=network.requires_grad_(False).eval(),
    )
    if found.hash != state['hash']:
        raise ValueError('its contents do not have the hash that they had')
    return found


def _check_members(data: bytes) -> None:
    """Raises ValueError unless it is a zip whose members lie there as they are, none packed."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise ValueError('it is no file that torch wrote')
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError('its members are compressed; torch writes none that are')
    total = sum(member.file_size for member in members)
    if total > LIMIT:
        raise ValueError(f'it unpacks to {total} bytes; at most {LIMIT} are read')


def _about(text: Any) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > ABOUT_LIMIT:
        raise ValueError(f'it does not say in {ABOUT_LIMIT} characters what it is')
    about = parse_json(text.encode())
    if not isinstance(about, dict) or set(about) != set(KINDS_OF_ABOUT):
        raise ValueError(f'it does not say {", ".join(KINDS_OF_ABOUT)}')
    for name, kind in KINDS_OF_ABOUT.items():
        if type(about[name]) is not kind:
            raise ValueError(f'{name} is a {type(about[name]).__name__}, not a {kind.__name__}')
    texts = [about['task'], about['git'], *about['learned']]
    if not all(isinstance(one, str) and one.isprintable() for one in texts):
        raise ValueError('task, git and learned are not plain texts')
    return about


def _judged(item: Any) -> Judged:
    if not isinstance(item, dict) or set(item) != set(Judged._fields):
        raise ValueError(f'an entry of held_out does not say {", ".join(Judged._fields)}')
    found = Judged(**item)
    if not isinstance(found.id, str) or found.outcome not in KINDS:
        raise ValueError('an entry of held_out is of no labelled episode')
    if type(found.probability) is not float or not 0 <= found.probability <= 1:
        raise ValueError('an entry of held_out has no probability')
    return found


def _check_weights(weights: Any, wanted: Mapping[str, Tensor]) -> None:
    """Raises ValueError unless there is a plain, finite tensor for each of `wanted`'s shapes."""
    if not isinstance(weights, dict) or set(weights) != set(wanted):
        raise ValueError('its weights are not those of the network that its settings describe')
    for name, expected in wanted.items():
        value = weights[name]
        if type(value) is not Tensor or value.device.type != 'cpu':
            raise ValueError(f'{name} is no plain tensor')
        found = value.layout, value.dtype, value.shape
        if found != (torch.strided, torch.float32, expected.shape) or not value.is_contiguous():
            shapes = f'{tuple(value.shape)} {value.dtype}, not {tuple(expected.shape)} float32'
            raise ValueError(f'{name} is {shapes} and contiguous')
        if not bool(value.isfinite().all()):
            raise ValueError(f'{name} is not finite')
