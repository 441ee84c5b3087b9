"""TorchRL's DreamerV3 losses as one of those compared; runs in the peers' interpreter.

Its encoder and decoder are those of its first Dreamer, whose kernels ours have too; the gradients
of the actor go through the dynamics, as ours do. No head predicts the end of an episode, as here.
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from tensordict import TensorDict
from tensordict.nn import (
    InteractionType,
    ProbabilisticTensorDictModule,
    ProbabilisticTensorDictSequential,
    TensorDictModule,
    TensorDictSequential,
)
from torchrl.data import Bounded, Composite, Unbounded
from torchrl.envs.model_based.dreamer import DreamerEnv
from torchrl.modules import DreamerV3MLP, SymExpTwoHot, WorldModelWrapper
from torchrl.modules.distributions.continuous import TanhNormal
from torchrl.modules.models.model_based import (
    DreamerActor,
    ObsDecoder,
    ObsEncoder,
    RSSMPosteriorV3,
    RSSMPriorV3,
    RSSMRolloutV3,
)
from torchrl.objectives import DreamerV3ActorLoss, DreamerV3ModelLoss, DreamerV3ValueLoss
from torchrl.objectives.utils import SoftUpdate, ValueEstimators
from worker import Learner, Sizes, serve

BINS = 255
STATE, BELIEF = ('next', 'state'), ('next', 'belief')


def build(sizes: Sizes, precision: str) -> Learner:
    features = sizes.latent + sizes.deter
    encoder = ObsEncoder(channels=sizes.channels[0], num_layers=4, in_channels=3)
    embedded = encoder(torch.zeros(1, 3, sizes.image, sizes.image)).shape[-1]
    prior = RSSMPriorV3(
        action_shape=torch.Size([sizes.action]),
        hidden_dim=sizes.hidden,
        rnn_hidden_dim=sizes.deter,
        num_categoricals=sizes.stoch,
        num_classes=sizes.classes,
        action_dim=sizes.action,
    )
    posterior = RSSMPosteriorV3(
        hidden_dim=sizes.hidden,
        num_categoricals=sizes.stoch,
        num_classes=sizes.classes,
        rnn_hidden_dim=sizes.deter,
        obs_embed_dim=embedded,
    )
    reward = DreamerV3MLP(features, BINS, depth=sizes.layers, num_cells=sizes.units)
    bins = SymExpTwoHot(BINS)
    decoder = ObsDecoder(channels=sizes.channels[0], num_layers=4, latent_dim=features)
    world = TensorDictSequential(
        TensorDictModule(encoder, [('next', 'pixels')], [('next', 'encoded_latents')]),
        RSSMRolloutV3(
            TensorDictModule(
                prior, ['state', 'belief', 'action'], [('next', 'prior_logits'), STATE, BELIEF]
            ),
            TensorDictModule(
                posterior,
                [BELIEF, ('next', 'encoded_latents')],
                [('next', 'posterior_logits'), STATE],
            ),
        ),
        TensorDictModule(decoder, [STATE, BELIEF], [('next', 'reco_pixels')]),
        TensorDictModule(reward, [STATE, BELIEF], [('next', 'reward_logits')]),
        TensorDictModule(bins, [('next', 'reward_logits')], [('next', 'reward')]),
    )
    dream = DreamerEnv(
        WorldModelWrapper(
            TensorDictModule(prior, ['state', 'belief', 'action'], ['_', 'state', 'belief']),
            TensorDictSequential(
                TensorDictModule(reward, ['state', 'belief'], ['reward_logits']),
                TensorDictModule(bins, ['reward_logits'], ['reward']),
            ),
        ),
        prior_shape=torch.Size([sizes.latent]),
        belief_shape=torch.Size([sizes.deter]),
    )
    latent = {'state': Unbounded(sizes.latent), 'belief': Unbounded(sizes.deter)}
    dream.observation_spec = Composite(**latent)
    dream.state_spec = Composite(**latent)
    dream.action_spec = Bounded(-1, 1, (sizes.action,))
    dream.reward_spec = Unbounded(1)
    actor = ProbabilisticTensorDictSequential(
        TensorDictModule(
            DreamerActor(sizes.action, depth=sizes.layers, num_cells=sizes.units),
            ['state', 'belief'],
            ['loc', 'scale'],
        ),
        ProbabilisticTensorDictModule(
            ['loc', 'scale'],
            ['action'],
            default_interaction_type=InteractionType.RANDOM,
            distribution_class=TanhNormal,
        ),
    )
    value = TensorDictSequential(
        TensorDictModule(
            DreamerV3MLP(features, BINS, depth=sizes.layers, num_cells=sizes.units),
            ['state', 'belief'],
            ['state_value_logits'],
        ),
        TensorDictModule(SymExpTwoHot(BINS), ['state_value_logits'], ['state_value']),
    )
    shape = (sizes.batch, sizes.length)
    data = TensorDict(
        {
            'state': torch.zeros(*shape, sizes.latent),
            'belief': torch.zeros(*shape, sizes.deter),
            'action': torch.rand(*shape, sizes.action) * 2 - 1,
            'is_init': torch.zeros(*shape, 1, dtype=torch.bool),
            'next': {
                'pixels': torch.rand(*shape, 3, sizes.image, sizes.image),
                'reward': torch.rand(*shape, 1),
                'done': torch.zeros(*shape, 1, dtype=torch.bool),
                'terminated': torch.zeros(*shape, 1, dtype=torch.bool),
            },
        },
        shape,
    )
    with torch.no_grad():
        actor(
            TensorDict({name: torch.zeros(1, one.shape[-1]) for name, one in latent.items()}, [1])
        )
    model_loss = DreamerV3ModelLoss(world, reco_symlog=False, num_reward_bins=BINS)
    actor_loss = DreamerV3ActorLoss(actor, value, dream, imagination_horizon=sizes.horizon)
    actor_loss.make_value_estimator(ValueEstimators.TDLambda)
    value_loss = DreamerV3ValueLoss(
        value, value_loss='two_hot', actor_loss=actor_loss, slow_critic_regularization=1.0
    )
    target = SoftUpdate(value_loss, tau=0.02)
    trained = [world, actor, value]
    optimizers = [torch.optim.Adam(one.parameters(), lr=1e-4) for one in trained]
    half = precision == 'bfloat16'

    def step(loss: torch.Tensor, index: int) -> None:
        optimizers[index].zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained[index].parameters(), 100.0)
        optimizers[index].step()

    def update() -> None:
        precise = torch.autocast('cpu', torch.bfloat16) if half else nullcontext()
        with precise:
            losses, seen = model_loss(data.clone())
        step(sum(v for k, v in losses.items() if k.startswith('loss')), 0)
        seen = seen.select(STATE, BELIEF)['next'].reshape(-1)
        with precise:
            losses, imagined = actor_loss(seen.float())
        step(losses['loss_actor'], 1)
        with precise:
            losses, _ = value_loss(imagined)
        step(losses['loss_value'], 2)
        target.step()

    parameters = [one for part in trained for one in part.parameters()]
    return Learner(update, parameters, sizes.batch * sizes.length)


if __name__ == '__main__':
    serve(build)
