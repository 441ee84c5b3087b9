"""How long a batch of 16 sequences of 50 images takes: replay beside two usual ways, as JSON.

python benchmarks/replay.py [--episodes 30] [--steps 200] [--batches 50]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.episode import EpisodeHeader
from moto_core.row import Row
from moto_core.spec import CameraSpec, Spec
from moto_learning.data.cache import compile_dataset
from moto_learning.data.replay import Replay

BATCH, LENGTH, SIZE = 16, 50, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--episodes', type=int, default=30, help='episodes to record first')
    parser.add_argument('--steps', type=int, default=200, help='steps in each')
    parser.add_argument('--batches', type=int, default=50, help='batches to time for each way')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        append = record(root, args.episodes, args.steps)
        began = time.perf_counter()
        replay = Replay(compile_dataset(Dataset.open(root)).episodes, BATCH, LENGTH)
        compiled = time.perf_counter() - began
        result = {
            'batch': [BATCH, LENGTH, SIZE, SIZE, 3],
            'episodes': args.episodes,
            'rows': replay.rows,
            'append_ms': append,
            'compile_ms_per_episode': round(1e3 * compiled / args.episodes, 2),
            'replay_ms': timed(replay.sample, args.batches),
            'npz_stacking_ms': timed(npz_stacking(root, replay), max(3, args.batches // 10)),
            'torch_dataloader_ms': timed(dataloader(replay), args.batches),
        }
    print(json.dumps(result, indent=1))


def record(root: Path, episodes: int, steps: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    spec = Spec(
        [f'j{i}' for i in range(7)], [2.0] * 9, ['f1', 'f2'], cameras={'front': CameraSpec()}
    )
    smooth = np.kron(
        rng.integers(0, 256, (steps + 8, 8, 8, 3), np.uint8), np.ones((8, 8, 1), np.uint8)
    )
    times = []
    with Dataset.create_or_open(root, spec) as dataset:
        for _ in range(episodes):
            writer = dataset.new_episode(EpisodeHeader(task='bench', source='sim', spec=spec))
            for t in range(steps):
                action = rng.uniform(-1, 1, 9).astype(np.float32)
                row = Row(
                    stamp=t * 80_000_000,
                    images={'front': smooth[t]},
                    requested=action,
                    executed=action,
                )
                began = time.perf_counter()
                writer.append(row)
                times.append(1e3 * (time.perf_counter() - began))
            writer.close()
    return percentiles(times)


def npz_stacking(root: Path, replay: Replay) -> Callable[[], Any]:
    """An .npz file an episode, opened for each sequence, sequences stacked."""
    rng = np.random.default_rng(0)
    folder = root / 'npz'
    folder.mkdir()
    for i, episode in enumerate(replay._episodes):
        np.savez(
            folder / f'{i}.npz',
            image=episode.images['front'],
            action=episode.requested,
            reward=episode.reward,
        )
    files = sorted(folder.iterdir())

    def sample() -> dict[str, np.ndarray]:
        rows = []
        for _ in range(BATCH):
            with np.load(files[rng.integers(len(files))]) as data:
                start = int(rng.integers(len(data['reward']) - LENGTH + 1))
                rows.append({key: data[key][start : start + LENGTH] for key in data})
        return {key: np.stack([row[key] for row in rows]) for key in rows[0]}

    return sample


def dataloader(replay: Replay) -> Callable[[], Any]:
    """torch's DataLoader over windows of the same maps, default collation, no workers."""
    import torch

    torch.set_num_threads(1)
    episodes = [
        {'image': e.images['front'], 'action': e.requested, 'reward': e.reward}
        for e in replay._episodes
    ]
    windows = [
        (i, start)
        for i, e in enumerate(episodes)
        for start in range(len(e['reward']) - LENGTH + 1)
    ]

    class Windows(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(windows)

        def __getitem__(self, index: int) -> dict[str, np.ndarray]:
            i, start = windows[index]
            return {
                key: np.array(value[start : start + LENGTH]) for key, value in episodes[i].items()
            }

    def endless() -> Iterator[Any]:
        while True:
            yield from torch.utils.data.DataLoader(Windows(), BATCH, shuffle=True)

    batches = endless()
    return lambda: next(batches)


def timed(call: Callable[[], Any], count: int) -> dict[str, float]:
    call()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - began))
    return percentiles(times)


def percentiles(times: list[float]) -> dict[str, float]:
    return {
        name: round(float(np.percentile(times, q)), 3) for name, q in (('p50', 50), ('p99', 99))
    }


if __name__ == '__main__':
    main()
