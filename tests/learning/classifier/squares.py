"""A robot's episodes whose end can be seen: a white square that is on the green one, or is not.

In: a dataset's folder. Out: episodes without any reward in the log, labelled or not.
"""

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row
from moto_core.spec import CameraSpec, Spec

SIDE, SQUARE, GOAL, ROWS = 16, 4, 8, 12
SETTINGS = (
    *('last=2', 'margin=2', 'updates=120', 'batch=16', 'shift=1', 'threads=1'),
    *('model.encoder.channels=[8, 8]', 'model.units=8', 'optimizer.rate=0.01'),
)  # which learn them in a second


def square_spec(side=SIDE, camera='front'):
    return Spec(
        joints=['a'],
        action_scale=[1.0],
        cameras={camera: CameraSpec(height=side, width=side)},
        proprioception=[],
    )


def frame(column, side=SIDE):
    """An image whose white square begins at a column, the green one at GOAL."""
    image = np.full((side, side, 3), 40, np.uint8)
    image[:SQUARE, GOAL : GOAL + SQUARE] = (0, 255, 0)
    image[:SQUARE, column : column + SQUARE] = 255
    return image


def record(root, succeeds, label='', seed=0, rows=ROWS, spec=None, by='', ended='done', **changes):
    """Records an episode, and labels it if it is told how; its id.

    The white square comes nearer, and lies on the green one for its last 4 rows if it succeeds;
    else it stops beside it, 4 columns off or more. `changes` are the header's.
    """
    spec = spec or square_spec()
    (name, camera) = next(iter(spec.cameras.items()))
    random = np.random.default_rng(seed)
    begin, end = int(random.integers(0, 3)), GOAL if succeeds else int(random.integers(2, 5))
    known = {'task': 'push', 'source': 'robot', 'spec': spec, **changes}
    with Dataset.create_or_open(root, floor=0) as dataset:
        header = EpisodeHeader(**known)
        with dataset.new_episode(header) as writer:
            for t in range(rows):
                column = round(begin + (end - begin) * min(1, t / max(1, rows - 4)))
                action = np.zeros(1, np.float32)
                images = {name: frame(column, camera.height)}
                writer.append(Row(stamp=t, images=images, requested=action, executed=action))
            writer.close('unlabelled', ended)
        if label:
            dataset.label(header.id, label, by)
    return header.id


def record_labelled(root, count=6, seed=0, **known):
    """Records `count` successes and as many failures, labelled by a person; their ids."""
    return [
        record(root, kind == 'success', kind, seed + index, by='anna', **known)
        for index in range(count)
        for kind in ('success', 'failure')
    ]
