"""Your own recordings as a dataset: any images and actions become episodes that moto-train reads.

python examples/write_dataset.py my_dataset && moto-data inspect my_dataset
"""

import argparse

import numpy as np

from moto_core.config import load_config
from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row
from moto_core.spec import Spec

JOINTS = [f'fr3_joint{i}' for i in range(1, 8)]
SPEC = load_config(
    Spec,
    {
        'joints': JOINTS,
        'action_scale': [1.0] * 7,
        'rate': 10.0,
        'cameras': {'front': {'height': 64, 'width': 64}},
    },
)


def recording(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Stands for yours: 30 frames (30, h, w, 3) uint8 RGB, joint velocities (30, 7) [rad/s]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 255, (30, 64, 64, 3), np.uint8), rng.uniform(-0.5, 0.5, (30, 7))


def main(folder: str) -> None:
    """Writes three episodes and labels them: on a robot the label is the reward.

    A success is worth 1 at its last row (and at rows recorded with success=True), a failure 0, an
    episode without a label nothing. `moto-data label` does the same later; the last label counts.
    """
    with Dataset.create_or_open(folder, SPEC) as dataset:
        for seed in range(3):
            frames, velocities = recording(seed)
            header = EpisodeHeader(task='my-task', source='robot', spec=SPEC, controller='teleop')
            with dataset.new_episode(header) as episode:
                for t, (frame, velocity) in enumerate(zip(frames, velocities)):
                    action = (velocity / SPEC.scale).astype(np.float32)  # in [-1, 1]
                    episode.append(
                        Row(
                            stamp=round(t * SPEC.period * 1e9),
                            images={'front': frame},
                            proprioception=None,
                            requested=action,
                            executed=action,
                            is_first=t == 0,
                            is_last=t == len(frames) - 1,
                        )
                    )
                episode.close()
            dataset.label(header.id, 'failure' if seed == 2 else 'success', by='me')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', help='of the dataset; made if missing')
    main(**vars(parser.parse_args()))
