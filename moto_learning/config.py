"""The settings of the learner: every number of docs/method.md, every choice, is a field.

In: config/train/<preset>.yaml and `key=value`. Out: a frozen Config. Marks: [P] stated in the
paper, [D] DreamerV2's default, [C] a choice where the paper is silent; defaults are the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto_core.errors import ConfigError
from moto_core.fields import check, choice, choices, number, part, setting
from moto_learning.config_latent import LatentReplayConfig
from moto_learning.config_model_free import ModelFreeConfig, PixelConfig
from moto_learning.config_parts import WIDEST, HeadConfig, OptimizerConfig

CRITICS = ('target', 'online')


@dataclass(frozen=True)
class EncoderConfig:
    """Four or so convolutions a camera, an MLP for proprioception; the decoder mirrors them."""

    channels: list[int] = number(
        [48, 96, 192, 384], 'of each convolution [D]', low=1, high=WIDEST, entries=1
    )
    patch: int = number(
        1,
        '[px] side of the squares whose pixels become channels before the first convolution, and '
        'are put back behind the last of the decoder; must divide the height and the width',
        low=1,
        high=64,
    )
    kernel: int = number(4, '[px] [D]', low=1, high=64)
    stride: int = number(2, '[px] [D]', low=1, high=64)
    padding: int = number(
        0, '[px]; 1 halves the size exactly at each layer [D: 0]', low=0, high=64
    )
    proprioception: list[int] = number(
        [400] * 4, 'units of each layer [D]', low=1, high=WIDEST, entries=1
    )
    pixel_bias: bool = setting(
        False,
        'decoded images are added to a learned one, which begins as the mean of the first batch: '
        "a fixed camera's background",
    )


@dataclass(frozen=True)
class RSSMConfig:
    """The latent state s = [h, z] and the ensemble of its priors."""

    deter: int = number(1024, 'D, size of h [D]', low=1, high=WIDEST)
    stoch: int = number(32, 'S, number of categoricals in z [D]', low=1, high=WIDEST)
    classes: int = number(32, 'K, classes of each [D]', low=2, high=WIDEST)
    hidden: int = number(
        1024, 'units of the layers before the cell, prior, posterior [D]', low=1, high=WIDEST
    )
    members: int = number(7, 'M, stochastic priors [P]', low=1, high=1024)
    imagined: str = choice(
        'member',
        'member',
        'row',
        'mean',
        about="z of a rollout from: 'member' (one a step, drawn at random [D]), 'row' (one for "
        "each rollout and step) or 'mean'",
    )


@dataclass(frozen=True)
class KLConfig:
    """KL(q || p) of the world model's loss (equation 1)."""

    balance: float = number(0.8, 'share of the gradient that trains the prior [D]', low=0, high=1)
    scale: float = number(1.0, 'weight in the loss [D]', low=0)
    free: float = number(1.0, 'nats that cost nothing [C: DreamerV2 has 0.0 and 1.0]', low=0)
    free_average: bool = setting(
        True, "free nats are taken from the batch's mean, not from each step [D]"
    )


@dataclass(frozen=True)
class WorldModelConfig:
    """The world model and its loss (equation 1)."""

    encoder: EncoderConfig = part(EncoderConfig)
    rssm: RSSMConfig = part(RSSMConfig)
    kl: KLConfig = part(KLConfig)
    reward: HeadConfig = part(HeadConfig)
    reward_likelihood: str = choice(
        'normal',
        'normal',
        'two_hot',
        about="p(reward): 'normal' of unit variance [D], or 'two_hot', a categorical over fixed "
        'rewards whose mean is the prediction',
    )
    shift: int = number(
        0,
        "[px] most that a sequence's images are moved, at random, before they are encoded; those "
        'that are reconstructed stay where they are',
        low=0,
        high=64,
    )
    image_scale: float = number(1.0, 'weight of -ln p(image)', low=0)
    reward_scale: float = number(1.0, 'weight of -ln p(reward)', low=0)
    proprioception_scale: float = number(1.0, 'weight of -ln p(proprioception)', low=0)
    behaviour_scale: float = number(
        0.0,
        'weight of the behaviour prior (equation 12), so that latent states hold what successful '
        "actions depend on; beta's fading leaves it as it is; 0: the actor's gradients do not "
        'reach the model [D]',
        low=0,
    )
    decoded: float = number(
        1.0, "fraction of a batch's images drawn for reconstruction", above=0, high=1
    )
    optimizer: OptimizerConfig = part(OptimizerConfig)  # rate 1e-4 [P]


@dataclass(frozen=True)
class PenaltyConfig:
    """The disagreement (equation 2) and the penalised reward (equation 3)."""

    alpha: float = number(10.0, "weight of the penalty; 0 is the paper's row 'No Unc.' [P]", low=0)
    logits: str = choice(
        'raw',
        'raw',
        'centred',
        'probability',
        'log_probability',
        about="compared as: 'raw', 'centred' over classes, 'probability', or the logarithm of it "
        'with 1 % uniform mixed in',
    )
    relative: bool = setting(
        False,
        "u counts in multiples of its mean on the data's own steps, so that alpha has the unit of "
        'the reward whatever the scale of the logits',
    )
    reduce: str = choice('mean', 'mean', 'max', about="of the S x K entries: 'mean' or 'max' [C]")


@dataclass(frozen=True)
class ActorConfig:
    """The policy, its loss (equation 10) and how rollouts reach it."""

    head: HeadConfig = part(HeadConfig)
    min_std: float = number(
        0.1, 'least standard deviation of the truncated normal [D]', above=0, high=10
    )
    initial_std: float = number(
        1.1,
        'standard deviation before training [D: 1.1]; a wide one drives means past the bounds '
        'where behaviour is cloned',
        above=0,
        high=12,
    )
    beta: float = number(
        10.0, "weight of the behaviour prior; 0 is the paper's row 'No BC' [P]", low=0
    )
    prior_steps: int = number(
        0,
        'steps down the behaviour prior alone before that of equation 10, on the same latent '
        'states, for as long as the prior has its whole weight',
        low=0,
        high=100,
    )
    beta_half: int = number(
        0, 'updates after `beta_from` in which the weight of the prior halves; 0: constant', low=0
    )
    beta_from: int = number(0, 'updates with the whole weight of the prior', low=0)
    beta_counts: str = choice(
        'updates',
        'updates',
        'successes',
        about="what these two count: 'updates', or 'successes', the successful episodes that "
        'came after its first step',
    )
    beta_final: float = number(
        0.05, 'fraction of the weight below which it does not fall', low=0, high=1
    )
    average: float = number(
        1.0,
        'share of the policy, at each update, in the moving average that acts and that single '
        'steps of the optimizer hardly move; 1: the policy itself acts [D]',
        above=0,
        high=1,
    )
    mean_cap: float = number(
        0.0,
        "the mean's pre-activation x is read as c tanh(x / c), so that it cannot saturate where "
        'behaviour is cloned; 0: as it is [D]',
        low=0,
        high=100,
    )
    entropy: float = number(1e-4, 'weight of the entropy bonus [D]', low=0)
    value_scale: float = number(1.0, 'weight of the model term (equation 6)', low=0)
    relative: bool = setting(
        False,
        'the model term counts in multiples of the range of imagined values, so that its weight '
        "beside the behaviour prior's does not depend on rewards and their number",
    )
    value: str = choice(
        'target',
        *CRITICS,
        about="critics inside the model term (equation 6): 'target' [D], 'online'",
    )
    act_on: str = choice(
        'mode',
        'mode',
        'sample',
        about="the state that the policy acts on: the posterior's 'mode' [C] or a 'sample' of it "
        '(not in a bundle)',
    )
    state_gradient: bool = setting(
        False, 'gradients through the state that the policy reads [D: false]'
    )
    optimizer: OptimizerConfig = part(lambda: OptimizerConfig(rate=8e-5))  # [P]


@dataclass(frozen=True)
class CriticConfig:
    """The critics and their loss (equation 9)."""

    head: HeadConfig = part(HeadConfig)
    members: int = number(2, 'critics; the least of them is the value [P]', low=1, high=1024)
    target_every: int = number(100, 'updates between copies into the target critics [D]', low=1)
    target_rate: float = number(
        1.0, 'share of the critics in each such copy; 1: a plain copy [D]', above=0, high=1
    )
    normalize: bool = setting(False, 'layer normalisation in the hidden layers of the critics')
    zero_start: bool = setting(False, 'the last layer of every critic begins as 0')
    data_value: str = choice(
        'target',
        *CRITICS,
        about="critics in the target of the data loss (equation 8): 'target' [C], 'online'",
    )
    model_scale: float = number(1.0, 'weight of the model loss (equation 7) [P]', low=0)
    data_scale: float = number(1.0, 'weight of the data loss (equation 8) [P]', low=0)
    optimizer: OptimizerConfig = part(lambda: OptimizerConfig(rate=8e-5))  # [P]


@dataclass(frozen=True)
class ActorCriticConfig:
    """Rollouts, the actor and the critics."""

    horizon: int = number(
        15, 'H, imagined steps; 0 is an ordinary actor-critic [D]', low=0, high=1000
    )
    discount: float = number(0.99, 'gamma [D]', above=0, high=1)
    lambda_: float = number(0.95, 'lambda of equation 5 and of V^ [D]', low=0, high=1)
    starts: int = number(
        128,
        "start states drawn from a batch's posterior states; 0: all of them "
        '[P: 128, unit not stated]',
        low=0,
    )
    after: int = number(0, 'updates of the world model alone before the first of these', low=0)
    penalty: PenaltyConfig = part(PenaltyConfig)
    actor: ActorConfig = part(ActorConfig)
    critic: CriticConfig = part(CriticConfig)


@dataclass(frozen=True)
class ReplayConfig:
    """What is drawn from a dataset."""

    batch: int = number(
        16, 'B, sequences a batch, of all processes together [P]', low=1, high=WIDEST
    )
    length: int = number(50, 'T, rows a sequence [D]', low=2, high=WIDEST)
    successful: float = number(
        0.0,
        'share of the sequences of a batch that are drawn from successful episodes alone, if '
        'there are any; the rest is drawn from all [P: 0]',
        low=0,
        high=1,
    )
    demonstrations: float = number(
        0.0,
        'share of the sequences that are drawn from the data given at first alone, once there are '
        'other episodes [P: 0]',
        low=0,
        high=1,
    )
    demonstrations_half: int = number(0, 'updates in which that share halves; 0: it stays', low=0)
    success_parts: list[str] = setting(
        [],
        'an episode is successful if all of these parts of its task are done at one row; empty: '
        'its own label',
    )


@dataclass(frozen=True)
class CollectConfig:
    """Episodes of the policy in the simulator, in the online phase."""

    task: str = setting('', "any task of moto_sim; '': the dataset's")
    robot: str = setting('', "config/robot/<name>; '': the dataset's; a value must be the same")
    profile: str = setting(
        '', "the guard's limits around the environment, 'none': no guard; '': the dataset's"
    )
    actuation: str = setting(
        '', "how the simulator moves the joints: 'hold', or D4RL's 'd4rl'; '': the dataset's"
    )
    view: str = setting(
        '', "of every camera: 'front', 'paper', 'wide', in the Kitchen 'near'; '': the dataset's"
    )
    max_steps: int = number(0, "decisions an episode; 0: the task's own", low=0)
    explore: str = choice(
        'sample',
        'sample',
        'noise',
        'mode',
        about="actions: 'sample' of the policy, 'noise' added, or 'mode'",
    )
    noise: float = number(0.1, 'standard deviation of that noise', low=0, high=2)
    ahead: bool = setting(
        False,
        'the next episode is played in a process of its own during the updates, by a policy that '
        'is the updates of one episode old; resumed, such a run is not bit-equal',
    )


@dataclass(frozen=True)
class EvaluateConfig:
    """Evaluations during training, on starts that are never learned from."""

    every: int = number(
        0, 'online episodes between evaluations, the first before the online phase; 0: none', low=0
    )
    episodes: int = number(20, 'starts of each', low=1, high=10_000)
    seed: int = number(10_000, 'of the first start; start i has seed + i', low=0, high=2**29)
    explore: list[str] = choices(
        'mode', 'sample', about="actions: the policy's 'mode', a 'sample' of it; empty: its mode"
    )
    workers: int = number(
        1,
        'starts side by side, each in a process of its own, if the policy draws nothing: the '
        'results are those of one by one',
        low=1,
        high=256,
    )


@dataclass(frozen=True)
class TrainConfig:
    """The two phases and what is written on the way."""

    offline_updates: int = number(10_000, 'N_offline [P]', low=0)
    online_episodes: int = number(0, 'episodes collected in the online phase', low=0)
    episode_updates: int = number(50, 'G, updates after each of them [P]', low=0)
    finetune_updates: int = number(500, "updates of a round of the phase 'finetune'", low=0)
    log_every: int = number(50, 'updates between lines of metrics.jsonl', low=1)
    save_every: int = number(1000, 'updates between checkpoints', low=1)
    keep: int = number(2, 'last checkpoints kept beside the milestones', low=1)
    divergence: float = number(
        10.0,
        "training stops if for 100 updates in a row the world model's loss is so many times that "
        "of no model at all, or the size of any row's values so many times what rewards and "
        'discount allow; 0: never',
        low=0,
    )
    milestone_updates: list[int] = number([], 'updates whose checkpoint is kept', low=1)
    milestone_episodes: list[int] = number(
        [],
        'online episodes after whose updates a checkpoint is made and kept; 0: that of the end '
        'of the offline phase',
        low=0,
    )
    threads: int = number(0, 'of torch on a CPU; 0: one for each core', low=0, high=1024)
    device: str = choice('auto', 'auto', 'cpu', 'cuda', about="'auto', 'cpu', 'cuda'")
    precision: str = choice(
        'float32',
        'float32',
        'bfloat16',
        about="of an update's products: 'float32', or 'bfloat16', faster where the processor or "
        'GPU has such products and layers are wide (docs/performance.md)',
    )
    engine: str = choice(
        'eager',
        'eager',
        'graph',
        about="of an update: 'eager', operation by operation, or 'graph', recorded once as a CUDA "
        "graph and replayed (device 'cuda', agents 'moto' and 'dreamer_v2')",
    )
    tensorboard: bool = setting(True, 'scalars beside metrics.jsonl')
    wandb: str = setting('', "a project of Weights & Biases for the same numbers; '': none")


@dataclass(frozen=True)
class Config:
    """A training run."""

    agent: str = setting('moto', 'the learner: a name of moto_learning/agents/learner.py')
    seed: int = number(0, 'of weights, batches and samples', low=0)
    model: WorldModelConfig = part(WorldModelConfig)
    actor_critic: ActorCriticConfig = part(ActorCriticConfig)
    latent: LatentReplayConfig = part(LatentReplayConfig)
    model_free: ModelFreeConfig = part(ModelFreeConfig)
    replay: ReplayConfig = part(ReplayConfig)
    collect: CollectConfig = part(CollectConfig)
    evaluate: EvaluateConfig = part(EvaluateConfig)
    train: TrainConfig = part(TrainConfig)

    def __post_init__(self) -> None:
        """Raises ConfigError for a value that cannot be, or values that contradict each other."""
        check(self)
        encoders: dict[str, EncoderConfig | PixelConfig] = {
            'model': self.model.encoder,
            'model_free': self.model_free.encoder,
        }
        for name, encoder in encoders.items():
            if encoder.padding >= encoder.kernel:
                raise ConfigError(
                    f'{name}.encoder.padding is {encoder.padding}; expected below '
                    f'{encoder.kernel}, {name}.encoder.kernel'
                )
        drawn = self.replay.successful + self.replay.demonstrations
        if drawn > 1:
            raise ConfigError(
                f'replay.successful and replay.demonstrations are {drawn:g} together; expected at '
                'most 1, the whole batch'
            )
        actor = self.actor_critic.actor
        if not actor.min_std < actor.initial_std < actor.min_std + 2:
            raise ConfigError(
                f'actor_critic.actor.initial_std is {actor.initial_std}; expected '
                f'between {actor.min_std} (min_std) and {actor.min_std + 2}'
            )
