"""How well things are found in images drawn without and with averaging, as JSON.

    python benchmarks/aliasing.py [--task metaworld-coffee-push] [--episodes 40] [--seeds 2]

The same states of a MetaWorld task are drawn twice: with one sample a pixel, and as the renderer
draws, twice as large and averaged. On each the encoder of the preset laptop and two layers learn
where the object and its goal are on the table, from some starts, and are tested on as many others:
median and 90th percentile of the error [cm], a line of numbers a seed of the network; 'mean' is
the error of answering the mean of the starts learned from. What is in one place at every start is
left out.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from moto_core.config import config_file, load_config
from moto_core.spec import Spec
from moto_learning.config import Config
from moto_learning.model.networks import Encoder
from moto_learning.run.processor import use_processor
from moto_sim import renderer, tasks
from moto_sim.approach import SETTLED, STILL, approach

CAMERA, UNITS, BATCH, RATE = 'front', 200, 64, 1e-3


class States(NamedTuple):
    """The states of some starts."""

    images: dict[str, torch.Tensor]  # (N, h, w, 3) uint8 by how they were drawn
    places: dict[str, np.ndarray]  # (N, 3) [m] of each thing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--task', default='metaworld-coffee-push')
    parser.add_argument('--episodes', type=int, default=40, help='to learn from; as many to test')
    parser.add_argument('--updates', type=int, default=1500)
    parser.add_argument('--seeds', type=int, default=2, help='networks trained on each')
    args = parser.parse_args()
    use_processor(1)
    env = tasks.make(args.task)
    known = collect(env, range(args.episodes))
    unknown = collect(env, range(args.episodes, 2 * args.episodes))
    things = [name for name, at in known.places.items() if at.std(0).max() > STILL]
    y, truth = (np.stack([s.places[name] for name in things], 1) for s in (known, unknown))
    found: dict[str, Any] = {
        'task': args.task,
        'states': [len(y), len(truth)],
        'unit': 'cm: median, 90th percentile',
        'mean': by_thing(np.broadcast_to(y.mean(0), truth.shape), truth, things),
    }
    for drawn, images in known.images.items():
        began = time.process_time()
        found[drawn] = []
        for seed in range(args.seeds):
            net = trained(env.spec, images, y, args.updates, seed)
            guess = answers(net, unknown.images[drawn], y)
            found[drawn].append(by_thing(guess, truth, things))
        found[f'{drawn}, CPU s'] = round(time.process_time() - began)
    print(json.dumps(found, indent=2))


def collect(env: Any, starts: range) -> States:
    """Returns the states of the expert's approaches from some starts, drawn both ways."""
    camera = env.spec.cameras[CAMERA]
    images: dict[str, list[np.ndarray]] = {'one sample a pixel': [], 'averaged': []}
    places: dict[str, list[np.ndarray]] = {name: [] for name in env.task.places()}
    for seed in starts:
        for row, seen in enumerate(approach(env, seed)):
            if row < SETTLED:
                continue
            with patch.object(renderer, 'FINER', 1):
                once = env.task.render(CAMERA, camera.height, camera.width)
            images['one sample a pixel'].append(once)
            images['averaged'].append(seen.observation[CAMERA])
            for name, place in seen.places.items():
                places[name].append(place)
    return States(
        {drawn: torch.from_numpy(np.stack(stack)) for drawn, stack in images.items()},
        {name: np.stack(at) for name, at in places.items()},
    )


class Finder(nn.Module):
    """An encoder and two layers: places in deviations from their mean."""

    def __init__(self, spec: Spec, out: int) -> None:
        super().__init__()
        encoder = load_config(Config, config_file('train', 'laptop')).model.encoder
        self.encoder = Encoder(spec, encoder)
        self.hidden = nn.Linear(self.encoder.size, UNITS)
        self.out = nn.Linear(UNITS, out)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns places (N, K * 3) of images (N, h, w, 3) uint8."""
        return self.out(F.elu(self.hidden(self.encoder({CAMERA: images}))))


def trained(spec: Spec, images: torch.Tensor, y: np.ndarray, updates: int, seed: int) -> Finder:
    """Returns the network after so many updates on images (N, h, w, 3), places y (N, K, 3)."""
    torch.manual_seed(seed)
    net = Finder(spec, y[0].size)
    wanted = torch.from_numpy((y - y.mean(0)) / scale(y)).float().flatten(1)
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    for _ in range(updates):
        batch = torch.randint(len(images), (BATCH,))
        loss = (net(images[batch]) - wanted[batch]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
    return net


@torch.no_grad()
def answers(net: Finder, images: torch.Tensor, y: np.ndarray) -> np.ndarray:
    """Returns where the things are in images (N, h, w, 3), as (N, K, 3) [m]."""
    out = torch.cat([net(part) for part in images.split(256)]).numpy()
    return out.reshape(-1, *y.shape[1:]) * scale(y) + y.mean(0)


def scale(y: np.ndarray) -> np.ndarray:
    """Returns the deviation (K, 1) [m] of each thing along its widest axis."""
    return y.std(0).max(-1, keepdims=True)


def by_thing(guess: np.ndarray, truth: np.ndarray, things: list[str]) -> dict[str, list[float]]:
    """Returns median and 90th percentile of the distance [cm] by thing."""
    apart = 100 * np.linalg.norm(guess - truth, axis=-1)  # (N, K)
    return {
        name: np.percentile(apart[:, k], (50, 90)).round(2).tolist()
        for k, name in enumerate(things)
    }


if __name__ == '__main__':
    main()
