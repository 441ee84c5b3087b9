"""Tiny episodes for tests: known contents, a few kilobytes each."""

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row
from moto_core.spec import CameraSpec, Spec


def tiny_spec(proprioception=('position', 'velocity'), rate=12.5, size=8):
    cameras = {
        'front': CameraSpec(height=size, width=size),
        'wrist': CameraSpec(height=size, width=2 * size),
    }
    return Spec(['j1', 'j2'], [2.0, 2.0, 0.05], ['finger'], rate, cameras, list(proprioception))


def tiny_header(spec=None, **known):
    return EpisodeHeader(
        **{
            'task': 'kitchen-microwave',
            'source': 'sim',
            'spec': spec or tiny_spec(),
            'controller': 'scripted',
            **known,
        }
    )


def tiny_row(t, spec=None, **changes):
    """Row t: images filled with t, requested (t, t + 0.1, t + 0.2) / 100, reward t."""
    spec = spec or tiny_spec()
    noise = np.random.default_rng(t)
    images = {
        name: noise.integers(0, 256, (camera.height, camera.width, 3), np.uint8)
        for name, camera in spec.cameras.items()
    }
    for image in images.values():
        image[0, 0] = t % 256
    action = ((t + np.array([0.0, 0.1, 0.2])) / 100).astype(np.float32)
    vector = np.arange(spec.proprioception_size, dtype=np.float32) + t
    fields = {
        'stamp': 1_700_000_000_000_000_000 + t * 80_000_000,
        'images': images,
        'proprioception': vector if len(vector) else None,
        'requested': action,
        'executed': action / 2,
        'reward': float(t),
        'is_first': t == 0,
        'disagreement': t / 8,
        'reasons': ('velocity', 'jerk') if t % 2 else (),
        'latency': {'policy': 1.5 + t},
    }
    return Row(**{**fields, **changes})


def record(
    root, lengths, spec=None, outcome='unlabelled', success=False, start=0, reward=None, **known
):
    """Records one episode of each length into the dataset at `root`; returns their ids.

    `reward` of every row; None: the row's number.
    """
    changes = {} if reward is None else {'reward': reward}
    ids = []
    with Dataset.create_or_open(root, floor=0) as dataset:
        for length in lengths:
            header = tiny_header(spec, **known)
            writer = dataset.new_episode(header)
            for t in range(start, start + length):
                writer.append(
                    tiny_row(
                        t,
                        spec,
                        is_first=t == start,
                        success=success and t == start + length - 1,
                        **changes,
                    )
                )
            writer.close(outcome)
            ids.append(header.id)
    return ids


def alike(root, rows):
    """Records two episodes of so many rows whose files have one size; returns their ids."""
    sizes = {}
    for end in 'VWXYZ0123456789':
        name = f'01ARZ3NDEKTSV4RRFFQ69G5FA{end}'
        record(root.parent / f'{root.name}_{end}', [rows], id=name, created=1)
        (path,) = (root.parent / f'{root.name}_{end}').glob('episodes/*/episode.mcap')
        ids = sizes.setdefault(path.stat().st_size, [])
        ids.append(name)
        if len(ids) == 2:
            for one in ids:
                record(root, [rows], id=one, created=1)
            return ids
    raise AssertionError(f'no two files of one size: {sizes}')
