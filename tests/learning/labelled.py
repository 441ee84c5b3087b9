"""A robot's episodes without any reward in the log: their labels alone tell them apart."""

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row
from tests.learning import tiny_learner as tiny

ROWS = 6


def record(
    root, label, level=250, action=None, spec=None, policy='', rows=ROWS, task='none', person=()
):
    """Records an episode that grows from dark to `level`; only its label tells of it. Its id.

    The action is .5 of a success and -.5 of any other, unless one is given; at the rows `person`
    another was requested, and a person drove.
    """
    spec = spec or tiny.spec()
    chosen = (0.5 if label == 'success' else -0.5) if action is None else action
    with Dataset.create_or_open(root, floor=0) as dataset:
        header = EpisodeHeader(task=task, source='robot', spec=spec, policy_hash=policy)
        with dataset.new_episode(header) as writer:
            for t in range(rows):
                image = np.full((8, 12, 3), round(level * t / (rows - 1)), np.uint8)
                step = np.full(2, chosen, np.float32)
                writer.append(
                    Row(
                        stamp=t,
                        images={'front': image},
                        requested=-step if t in person else step,
                        executed=step,
                        intervention=t in person,
                    )
                )
            writer.close('unlabelled')
        if label != 'unlabelled':
            dataset.label(header.id, label)
    return header.id
