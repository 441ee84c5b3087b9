"""SheepRL's DreamerV3 as one of those compared; runs in the peers' interpreter."""

from __future__ import annotations

import gymnasium as gym
import hydra
import numpy as np
import torch
from lightning.fabric import Fabric
from omegaconf import OmegaConf
from sheeprl.algos.dreamer_v3.agent import build_agent
from sheeprl.algos.dreamer_v3.dreamer_v3 import train
from sheeprl.algos.dreamer_v3.utils import Moments
from sheeprl.utils.metric import MetricAggregator
from sheeprl.utils.utils import dotdict
from worker import Learner, Sizes, serve


def build(sizes: Sizes, precision: str) -> Learner:
    channels, multiplier = sizes.channels, sizes.channels[0]
    if channels != [multiplier * 2**i for i in range(4)]:
        raise SystemExit(f'channels are {channels}; SheepRL doubles them from layer to layer')
    words = [
        'exp=dreamer_v3',
        'env=dummy',
        'metric.log_level=0',
        f'algo.per_rank_batch_size={sizes.batch}',
        f'algo.per_rank_sequence_length={sizes.length}',
        f'algo.horizon={sizes.horizon}',
        f'algo.dense_units={sizes.units}',
        f'algo.mlp_layers={sizes.layers}',
        f'algo.world_model.stochastic_size={sizes.stoch}',
        f'algo.world_model.discrete_size={sizes.classes}',
        f'algo.world_model.encoder.cnn_channels_multiplier={multiplier}',
        f'algo.world_model.recurrent_model.recurrent_state_size={sizes.deter}',
        f'algo.world_model.transition_model.hidden_size={sizes.hidden}',
        f'algo.world_model.representation_model.hidden_size={sizes.hidden}',
    ]
    with hydra.initialize_config_module('sheeprl.configs', version_base='1.3'):
        config = dotdict(OmegaConf.to_container(hydra.compose('config', words), resolve=True))
    MetricAggregator.disabled = True
    fabric = Fabric(
        accelerator='cpu',
        devices=1,
        precision={'float32': '32-true', 'bfloat16': 'bf16-mixed'}[precision],
    )
    image = (3, sizes.image, sizes.image)
    space = gym.spaces.Dict({'rgb': gym.spaces.Box(0, 255, image, np.uint8)})
    world, actor, critic, target, _ = build_agent(fabric, (sizes.action,), True, config, space)
    parts = {'world_model': world, 'actor': actor, 'critic': critic}
    optimizers = fabric.setup_optimizers(
        *(
            hydra.utils.instantiate(
                getattr(config.algo, name).optimizer, params=part.parameters(), _convert_='all'
            )
            for name, part in parts.items()
        )
    )
    span = config.algo.actor.moments
    moments = Moments(span.decay, span.max, span.percentile.low, span.percentile.high)
    shape = (sizes.length, sizes.batch)
    fixed = {
        'rgb': torch.randint(0, 255, (*shape, *image), dtype=torch.uint8),
        'actions': torch.rand(*shape, sizes.action) * 2 - 1,
        'rewards': torch.rand(*shape, 1),
        **{name: torch.zeros(*shape, 1) for name in ('terminated', 'truncated', 'is_first')},
    }

    def update() -> None:
        data = dict(fixed)
        train(
            fabric,
            world,
            actor,
            critic,
            target,
            *optimizers,
            data,
            None,
            config,
            True,
            (sizes.action,),
            moments,
        )

    parameters = [one for part in parts.values() for one in part.parameters()]
    return Learner(update, parameters, sizes.batch * sizes.length)


if __name__ == '__main__':
    serve(build)
