"""Losses of the rows DreamerV2, LOMPO and COMBO in plain numpy, as by_hand.py has MOTO's.

Random draws come from a generator that is as far as the learner's is, in the learner's order.
"""

from typing import NamedTuple

import numpy as np
import torch

from moto_core.config import config_file, load_config
from moto_learning.agents.learner import make_learner
from moto_learning.config import Config
from moto_learning.model.rollout import draw_rollout_noise
from moto_learning.model.rssm import State
from tests.learning import tiny_learner as tiny
from tests.learning.agents import by_hand

ROWS = ('dreamer_v2', 'lompo', 'combo')


def config(row, *overrides):
    """The tiny configuration with a row of the paper over it."""
    return load_config(Config, tiny.TINY, config_file('train/rows', row), overrides=overrides)


def learner(row, *overrides, **kinds):
    return make_learner(config(row, *overrides), tiny.spec(**kinds))


def in_double(row, *overrides):
    """A learner in double precision, its weights moved apart, with what its update is given."""
    agent = learner(row, *overrides)
    random = torch.Generator().manual_seed(7)
    for name, net in agent.networks().items():
        net.double()
        if name in ('actor', 'critic', 'critics'):
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter += 0.2 * torch.randn(parameter.shape, generator=random)
    if hasattr(agent, 'replay'):
        for name in ('deter', 'action', 'reward'):
            agent.replay.stored[name] = agent.replay.stored[name].double()
    data = {
        name: value.double() if torch.is_tensor(value) and value.is_floating_point() else value
        for name, value in tiny.tensors().items()
    }
    c, shape = agent.config.model.rssm, data['reward'].shape
    deter = torch.randn(*shape, c.deter, generator=random).double()
    logit = torch.randn(*shape, c.stoch, c.classes, generator=random).double()
    stoch = torch.nn.functional.one_hot(logit.argmax(-1), c.classes).double().flatten(-2)
    ahead = torch.Generator()
    ahead.set_state(agent.generator.get_state())
    noise = draw_rollout_noise(
        agent.config.actor_critic.horizon, shape.numel(), tiny.ACTION, c, ahead
    )
    given = by_hand.Given(
        config=agent.config, post=State(deter, stoch, logit), data=data, noise=noise
    )
    return agent, given, ahead


def weights_of(agent):
    """Copies a learner's weights by the names of by_hand.py."""
    parts = {'rssm': agent.world_model.rssm, 'reward': agent.world_model.reward}
    rest = {'critic': 'online', 'critics': 'online', 'target_critic': 'target'}
    rest |= {'target_critics': 'target', 'actor': 'actor'}
    parts |= {rest[name]: net for name, net in agent.networks().items() if name in rest}
    return {
        part: {name: value.numpy().copy() for name, value in net.state_dict().items()}
        for part, net in parts.items()
    }


def lambda_values(w, given, imagined):
    """Returns V^lambda (H, N) as the weighted sum of its k-step values."""
    c = given.config.actor_critic
    reward = [by_hand.reward_of(w, given, feat) for feat in imagined.feat[1:]]
    value = [by_hand.mlp(w['target'], feat)[:, 0] for feat in imagined.feat]
    found = []
    for t in range(c.horizon):
        left, total = c.horizon - t, 0.0
        for k in range(1, left + 1):
            rewards = sum(c.discount ** (j - 1) * reward[t + j - 1] for j in range(1, k + 1))
            share = c.lambda_ ** (k - 1) * (1 - c.lambda_ if k < left else 1)
            total = total + share * (rewards + c.discount**k * value[t + k])
        found.append(total)
    return np.array(found)


def dreamer_actor(w, given, held):
    """Returns equation 14."""
    c = given.config.actor_critic
    imagined = by_hand.imagine(w, given, held)
    gain = lambda_values(w, given, imagined)
    gain = gain + c.actor.entropy * np.array(imagined.entropy[: c.horizon])
    return -np.mean([c.discount**t * gain[t] for t in range(c.horizon)])


def dreamer_critic(w, given, imagined, target):
    """Returns equation 15; the target is a number."""
    c = given.config.actor_critic
    errors = [
        c.discount**t * (target[t] - by_hand.mlp(w['online'], imagined.feat[t])[:, 0]) ** 2 / 2
        for t in range(c.horizon)
    ]
    return np.mean(errors)


class Drawn(NamedTuple):
    """A batch of latent steps, imagined ones first, and the uniform noise of its actions."""

    feat: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    next_feat: np.ndarray
    imagined: int  # how many are
    next_noise: np.ndarray  # of a' at s'
    down_noise: np.ndarray | None  # of the actions that are pushed down
    actor_noise: np.ndarray


def drawn(w, given, ahead):
    """Returns the batch that an update of LOMPO or COMBO learns from."""
    c, horizon = given.config.latent, given.config.actor_critic.horizon
    imagined = by_hand.imagine(w, given)
    feat = given.post.feat.numpy()
    pairs = [
        (b, t)
        for b in range(feat.shape[0])
        for t in range(1, feat.shape[1])
        if not given.data['is_first'][b, t]
    ]
    count = round(c.real * c.batch)
    real = [pairs[i] for i in torch.randint(len(pairs), (count,), generator=ahead)]
    steps = horizon * len(imagined.feat[0])
    picks = torch.randint(steps, (c.batch - count,), generator=ahead).tolist()
    own = [divmod(pick, horizon) for pick in picks]  # rollout, step
    led = given.data['action'].numpy()
    true = given.data['reward'].numpy()
    reward = [promised(w, given, imagined, t) for t in range(horizon)]
    noise = [torch.rand(c.batch, tiny.ACTION, generator=ahead)]
    down = torch.rand(len(own), tiny.ACTION, generator=ahead) if c.conservatism else None
    noise.append(torch.rand(c.batch, tiny.ACTION, generator=ahead))
    return Drawn(
        feat=both((imagined.feat[t][n] for n, t in own), (feat[b, t - 1] for b, t in real)),
        action=both((imagined.action[t][n] for n, t in own), (led[b, t] for b, t in real)),
        reward=both((reward[t][n] for n, t in own), (true[b, t] for b, t in real)),
        next_feat=both((imagined.feat[t + 1][n] for n, t in own), (feat[b, t] for b, t in real)),
        imagined=len(own),
        next_noise=noise[0].double().numpy(),
        down_noise=None if down is None else down.double().numpy(),
        actor_noise=noise[1].double().numpy(),
    )


def both(imagined, real):
    """Returns the imagined steps' values, then the real ones'."""
    return np.array([*imagined, *real])


def promised(w, given, imagined, t):
    """Returns the penalised reward (N,) of the step from s^t to s^(t+1), equation 16."""
    c = given.config
    reward = by_hand.reward_of(w, given, imagined.feat[t + 1])
    deter = imagined.feat[t + 1][:, : c.model.rssm.deter]
    chance = by_hand.softmax(by_hand.prior_logits(w['rssm'], c, deter))
    log_prob = np.log((chance * imagined.drawn[t]).sum(-1)).sum(-1)  # (M, N)
    spread = log_prob.std(0) if c.latent.spread == 'deviation' else log_prob.var(0)
    return reward - c.latent.alpha * spread


def act(w, c, feat, noise):
    """Returns the policy's actions (N, A) by uniform noise, and their log-probabilities (N,)."""
    loc, scale = by_hand.policy(w, c, feat)
    low, high = by_hand.cdf((-1 - loc) / scale), by_hand.cdf((1 - loc) / scale)
    action = loc + scale * by_hand.quantile(low + noise * (high - low))
    inside = by_hand.density((action - loc) / scale) / scale / (high - low)
    return action, np.log(inside).sum(-1)


def targets(w, given, steps, temperature):
    """Returns y (N,), equation 17."""
    c = given.config
    action, log_prob = act(w, c, steps.next_feat, steps.next_noise)
    least = np.min(all_q(w['target'], c, steps.next_feat, action), 0)
    return steps.reward + c.actor_critic.discount * (least - temperature * log_prob)


def critics_loss(w, given, steps, target, down):
    """Returns equations 18 and 19; the target and the actions that are pushed down are numbers."""
    c = given.config
    q = all_q(w['online'], c, steps.feat, steps.action)
    fit = sum(np.mean((target - one) ** 2) / 2 for one in q)
    if down is None:
        return fit, 0.0
    pushed = all_q(w['online'], c, steps.feat[: steps.imagined], down)
    return fit, sum(a.mean() - b[steps.imagined :].mean() for a, b in zip(pushed, q))


def soft_actor(w, given, steps, temperature):
    """Returns equation 20."""
    action, log_prob = act(w, given.config, steps.feat, steps.actor_noise)
    least = np.min(all_q(w['online'], given.config, steps.feat, action), 0)
    return np.mean(temperature * log_prob - least)


def all_q(w, c, feat, action):
    return [by_hand.q(w, i, feat, action) for i in range(c.actor_critic.critic.members)]
