"""The settings of the learner: every number of docs/method.md, every choice, is a field.

In: config/train/<preset>.yaml and `key=value`. Out: a frozen Config. Marks: [P] stated in the
paper, [D] DreamerV2's default, [C] a choice where the paper is silent; defaults are the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from moto_core.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam and what is done to gradients before it."""

    rate: float = 1e-4  # learning rate at the first update
    final: float = 1.0  # fraction of `rate` left after `decay_updates`, then held
    decay_updates: int = 0  # updates over which the rate falls linearly; 0: constant
    warmup_updates: int = 0  # updates over which the rate rises linearly from 0
    beta2: float = 0.999  # decay of Adam's second moment [D]
    eps: float = 1e-5  # Adam's epsilon [D]
    clip: float = 100.0  # largest norm of the gradient; 0: no clipping [D]
    weight_decay: float = 1e-6  # every update shrinks weights by this fraction [D]


@dataclass(frozen=True)
class EncoderConfig:
    """Four or so convolutions per camera, an MLP for proprioception; the decoder mirrors them."""

    channels: list[int] = field(default_factory=lambda: [48, 96, 192, 384])  # per layer [D]
    kernel: int = 4  # [px] [D]
    stride: int = 2  # [px] [D]
    padding: int = 0  # [px]; 1 halves the size exactly at each layer [D: 0]
    proprioception: list[int] = field(default_factory=lambda: [400] * 4)  # units a layer [D]
    pixel_bias: bool = False  # decoded images are added to a learned one, which begins
    #                                    as the first batch's mean: a fixed camera's background


@dataclass(frozen=True)
class RSSMConfig:
    """The latent state s = [h, z] and the ensemble of its priors."""

    deter: int = 1024  # D, size of h [D]
    stoch: int = 32  # S, number of categoricals in z [D]
    classes: int = 32  # K, classes of each [D]
    hidden: int = 1024  # units of the layers before the cell, prior, posterior [D]
    members: int = 7  # M, stochastic priors [P]
    imagined: str = 'member'  # z of a rollout from: 'member' (one a step, drawn at random
    #                                    [D]), 'row' (one for each rollout and step) or 'mean'


@dataclass(frozen=True)
class KLConfig:
    """KL(q || p) of loss (1)."""

    balance: float = 0.8  # share of the gradient that trains the prior [D]
    scale: float = 1.0  # weight in the loss [D]
    free: float = 1.0  # nats that cost nothing [C: DreamerV2 has 0.0 and 1.0]
    free_average: bool = True  # free nats from the batch's mean, not from each step [D]


@dataclass(frozen=True)
class HeadConfig:
    """A multilayer perceptron with ELU."""

    layers: int = 4  # hidden layers [D]
    units: int = 400  # of each [D]


@dataclass(frozen=True)
class WorldModelConfig:
    """The world model and its loss (1)."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    rssm: RSSMConfig = field(default_factory=RSSMConfig)
    kl: KLConfig = field(default_factory=KLConfig)
    reward: HeadConfig = field(default_factory=HeadConfig)
    image_scale: float = 1.0  # weight of -ln p(image)
    reward_scale: float = 1.0  # weight of -ln p(reward)
    proprioception_scale: float = 1.0  # weight of -ln p(proprioception)
    decoded: float = 1.0  # fraction of a batch's images drawn for reconstruction
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)  # rate 1e-4 [P]


@dataclass(frozen=True)
class PenaltyConfig:
    """The disagreement (2) and the penalised reward (3)."""

    alpha: float = 10.0  # weight of the penalty; 0 is the row 'No Unc.' [P]
    logits: str = 'raw'  # compared as: 'raw', 'centred' over classes, 'probability'
    reduce: str = 'mean'  # of the S x K entries: 'mean' or 'max' [C]


@dataclass(frozen=True)
class ActorConfig:
    """The policy, its loss (10) and how rollouts reach it."""

    head: HeadConfig = field(default_factory=HeadConfig)
    min_std: float = 0.1  # least standard deviation of the truncated normal [D]
    initial_std: float = 1.1  # standard deviation before training [D: 1.1]; a wide one
    #                                    drives means past the bounds where behaviour is cloned
    beta: float = 10.0  # weight of the behaviour prior; 0 is the row 'No BC' [P]
    entropy: float = 1e-4  # weight of the entropy bonus [D]
    value_scale: float = 1.0  # weight of the model term (6)
    value: str = 'target'  # critics inside the model term (6): 'target' [D], 'online'
    state_gradient: bool = False  # gradients through the state the policy reads [D: False]
    optimizer: OptimizerConfig = field(default_factory=lambda: OptimizerConfig(rate=8e-5))  # [P]


@dataclass(frozen=True)
class CriticConfig:
    """The critics and their loss (9)."""

    head: HeadConfig = field(default_factory=HeadConfig)
    members: int = 2  # critics; the least of them is the value [P]
    target_every: int = 100  # updates between copies into the target critics [D]
    data_value: str = 'target'  # critics in the target of the data loss (8): 'target' [C],
    #                                    'online'
    model_scale: float = 1.0  # weight of the model loss (7) [P]
    data_scale: float = 1.0  # weight of the data loss (8) [P]
    optimizer: OptimizerConfig = field(default_factory=lambda: OptimizerConfig(rate=8e-5))  # [P]


@dataclass(frozen=True)
class ActorCriticConfig:
    """Rollouts, the actor and the critics."""

    horizon: int = 15  # H, imagined steps; 0 is an ordinary actor-critic [D]
    discount: float = 0.99  # gamma [D]
    lambda_: float = 0.95  # lambda of (5) and V^ [D]
    starts: int = 128  # start states drawn from a batch's posterior states;
    #                                    0: all of them [P: 128, unit not stated]
    after: int = 0  # updates of the world model alone before the first of these
    penalty: PenaltyConfig = field(default_factory=PenaltyConfig)
    actor: ActorConfig = field(default_factory=ActorConfig)
    critic: CriticConfig = field(default_factory=CriticConfig)


@dataclass(frozen=True)
class ReplayConfig:
    """What is drawn from a dataset."""

    batch: int = 16  # B, sequences a batch [P]
    length: int = 50  # T, steps a sequence [D]
    # an episode is successful if all of these parts of its task are done at one row; empty: its
    # own label
    success_parts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CollectConfig:
    """Episodes of the policy in the simulator, in the online phase."""

    task: str = ''  # any task of moto_sim; '': the dataset's
    # robot, profile, actuation and view: '' takes the dataset's (or, where it has none, the
    # task's own); a value must be the dataset's
    robot: str = ''  # config/robot/<name>
    profile: str = ''  # the guard's limits around the environment; 'none': no guard
    actuation: str = ''  # how the simulator moves the joints: 'hold', or D4RL's 'd4rl'
    view: str = ''  # of every camera, by the simulator's name: 'front', 'paper', 'wide'
    max_steps: int = 0  # decisions an episode; 0: the task's own
    explore: str = 'sample'  # actions: 'sample' of the policy, 'noise' added, or 'mode'
    noise: float = 0.1  # standard deviation of that noise


@dataclass(frozen=True)
class TrainConfig:
    """The two phases and what is written on the way."""

    offline_updates: int = 10_000  # N_offline [P]
    online_episodes: int = 0  # episodes collected in the online phase
    episode_updates: int = 50  # G, updates after each of them [P]
    finetune_updates: int = 500  # updates of a round of the phase 'finetune'
    log_every: int = 50  # updates between lines of metrics.jsonl
    save_every: int = 1000  # updates between checkpoints
    keep: int = 2  # last checkpoints kept beside the milestones
    milestone_updates: list[int] = field(default_factory=list)  # updates whose checkpoint is kept
    # online episodes after whose updates a checkpoint is made and kept
    milestone_episodes: list[int] = field(default_factory=list)
    threads: int = 0  # of torch on a CPU; 0: one for each core
    device: str = 'auto'  # 'auto', 'cpu', 'cuda'
    tensorboard: bool = True  # scalars beside metrics.jsonl


@dataclass(frozen=True)
class Config:
    """A training run."""

    agent: str = 'moto'  # the learner: a name of moto_learning/agents/learner.py
    seed: int = 0  # of weights, batches and samples
    model: WorldModelConfig = field(default_factory=WorldModelConfig)
    actor_critic: ActorCriticConfig = field(default_factory=ActorCriticConfig)
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    collect: CollectConfig = field(default_factory=CollectConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        """Raises ConfigError for a choice that does not exist or a size that cannot be."""
        actor, critic = self.actor_critic.actor, self.actor_critic.critic
        _choice('model.rssm.imagined', self.model.rssm.imagined, ('member', 'row', 'mean'))
        _choice(
            'actor_critic.penalty.logits',
            self.actor_critic.penalty.logits,
            ('raw', 'centred', 'probability'),
        )
        _choice('actor_critic.penalty.reduce', self.actor_critic.penalty.reduce, ('mean', 'max'))
        _choice('actor_critic.actor.value', actor.value, ('target', 'online'))
        _choice('actor_critic.critic.data_value', critic.data_value, ('target', 'online'))
        _choice('collect.explore', self.collect.explore, ('sample', 'noise', 'mode'))
        _choice('train.device', self.train.device, ('auto', 'cpu', 'cuda'))
        least = {
            'model.rssm.members': (self.model.rssm.members, 1),
            'actor_critic.critic.members': (critic.members, 1),
            'actor_critic.critic.target_every': (critic.target_every, 1),
            'actor_critic.horizon': (self.actor_critic.horizon, 0),
            'actor_critic.starts': (self.actor_critic.starts, 0),
            'replay.batch': (self.replay.batch, 1),
            'replay.length': (self.replay.length, 2),
            'train.log_every': (self.train.log_every, 1),
            'train.save_every': (self.train.save_every, 1),
            'train.keep': (self.train.keep, 1),
        }
        for name, (value, bound) in least.items():
            if value < bound:
                raise ConfigError(f'{name} is {value}; expected at least {bound}')
        if not actor.min_std < actor.initial_std < actor.min_std + 2:
            raise ConfigError(
                f'actor_critic.actor.initial_std is {actor.initial_std}; expected '
                f'between {actor.min_std} (min_std) and {actor.min_std + 2}'
            )
        if not 0 < self.model.decoded <= 1:
            raise ConfigError(f'model.decoded is {self.model.decoded}; expected in (0, 1]')


def _choice(name: str, value: str, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise ConfigError(unknown_name(f'value of {name}', value, valid))
