"""Rollouts and losses of docs/method.md in plain numpy: what an agent's update is compared with.

Losses are numbers, so that their gradients are finite differences. Two things do not change with
the weights where the method takes no gradient; they are `held` as another rollout has them: which
classes were drawn (a sample then moves as its probabilities do), and the states the policy reads.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

cdf, quantile, density = (
    np.vectorize(function)
    for function in (NormalDist().cdf, NormalDist().inv_cdf, NormalDist().pdf)
)


class Imagined(NamedTuple):
    """A rollout, one entry a step: s^0..s^H, the actions and entropies there; H of the rest."""

    feat: list
    action: list
    entropy: list
    disagreement: list
    drawn: list  # one-hot z (N, S, K) of s^1..s^H
    probability: list  # that it was drawn with


class Given(NamedTuple):
    """What an update is given: settings, posterior states (B, T, ...), a batch, noise."""

    config: object
    post: object
    data: dict
    noise: object


def weights_of(agent):
    """Copies an agent's weights: {part: {name: array}}."""
    parts = {
        'rssm': agent.world_model.rssm,
        'reward': agent.world_model.reward,
        'actor': agent.actor,
        'online': agent.critics,
        'target': agent.target_critics,
    }
    return {
        part: {name: value.numpy().copy() for name, value in net.state_dict().items()}
        for part, net in parts.items()
    }


def imagine(w, given, held=None):
    """Follows the policy H steps from every posterior state."""
    c, noise = given.config, given.noise
    out = Imagined(feat=[], action=[], entropy=[], disagreement=[], drawn=[], probability=[])
    deter, stoch = (part.flatten(0, 1).numpy() for part in given.post[:2])
    for t in range(c.actor_critic.horizon + 1):
        feat = np.concatenate([deter, stoch], 1)
        moves = held is None or c.actor_critic.actor.state_gradient
        loc, scale = policy(w, c, feat if moves else held.feat[t])
        low, high = cdf((-1 - loc) / scale), cdf((1 - loc) / scale)
        uniform = noise.action[t].double().numpy()
        action = loc + scale * quantile(low + uniform * (high - low))
        out.feat.append(feat)
        out.action.append(action)
        out.entropy.append(entropy(loc, scale))
        if t == c.actor_critic.horizon:
            break
        deter = cell(w['rssm'], deter, stoch, action)
        logits = prior_logits(w['rssm'], c, deter)  # (M, N, S, K)
        out.disagreement.append(disagreement(logits, c.actor_critic.penalty))
        logit = followed(logits, None if noise.member is None else noise.member[t].numpy())
        probability = softmax(logit)
        best = (logit + noise.state[t].numpy()).argmax(-1)
        drawn = np.eye(logit.shape[-1])[best] if held is None else held.drawn[t]
        out.drawn.append(drawn)
        out.probability.append(probability)
        change = 0 if held is None else probability - held.probability[t]
        stoch = (drawn + change).reshape(len(deter), -1)
    return out


def values(w, given, imagined, critics):
    """Returns V (H, N) and V^ (H + 1, N): equations 3, 4, 5 and 11."""
    c = given.config.actor_critic
    gamma, lambda_, horizon = c.discount, c.lambda_, c.horizon
    reward = [
        reward_of(w, given, feat) - c.penalty.alpha * u / usual(w, given)
        for feat, u in zip(imagined.feat[1:], imagined.disagreement)
    ]  # reward[t] is r~^(t+1)
    plain = [
        np.min([q(w[critics], i, feat, action) for i in range(c.critic.members)], 0)
        for feat, action in zip(imagined.feat, imagined.action)
    ]

    def k_steps(t, k):
        rewards = sum(gamma ** (j - 1) * reward[t + j - 1] for j in range(1, k + 1))
        return rewards + gamma**k * plain[t + k]

    expanded = []
    for t in range(horizon):
        left = horizon - t
        total = lambda_ ** (left - 1) * k_steps(t, left)
        for k in range(1, left):
            total = total + (1 - lambda_) * lambda_ ** (k - 1) * k_steps(t, k)
        expanded.append(total)
    mixed = [lambda_ * expanded[t] + (1 - lambda_) * plain[t] for t in range(horizon)]
    return expanded, [*mixed, plain[horizon]]


def reward_of(w, given, feat):
    """Returns the reward (N,) that the model expects at feat (N, F)."""
    out = mlp(w['reward'], feat)
    if given.config.model.reward_likelihood == 'normal':
        return out[:, 0]
    places = np.linspace(-5, 5, 63)
    bins = np.sign(places) * (np.exp(np.abs(places)) - 1)
    return softmax(out) @ bins.astype(np.float32)


def usual(w, given):
    """Returns what u is divided by: 1, or its mean over the steps to the posterior states."""
    if not given.config.actor_critic.penalty.relative:
        return 1
    deter = given.post.deter.flatten(0, 1).numpy()
    logits = prior_logits(w['rssm'], given.config, deter)
    return disagreement(logits, given.config.actor_critic.penalty).mean()


def actor_loss(w, given, held, unit=1.0):
    """Returns equation 10 less the entropy bonus, by equations 6 and 12; V^ in units."""
    c = given.config.actor_critic
    imagined = imagine(w, given, held)
    mixed = values(w, given, imagined, c.actor.value)[1]
    steps = max(c.horizon, 1)
    model = -np.mean(mixed[:steps]) / unit
    bonus = c.actor.entropy * np.mean(imagined.entropy[:steps])
    return c.actor.value_scale * model + c.actor.beta * behaviour(w, given) - bonus


def value_range(w, given, held):
    """Returns the unit of `actor.relative`: from the 5th to the 95th percentile of V^."""
    mixed = values(w, given, held, given.config.actor_critic.actor.value)[1]
    ordered = np.sort(np.ravel(mixed[: given.config.actor_critic.horizon]))
    places = np.array([0.05, 0.95]) * (len(ordered) - 1)
    low, high = np.interp(places, np.arange(len(ordered)), ordered)
    return high - low


def behaviour(w, given):
    """Returns equation 12."""
    loc, scale = policy(w, given.config, given.post.feat.numpy())
    chosen = given.data['chosen'].numpy()
    mass = cdf((1 - loc) / scale) - cdf((-1 - loc) / scale)
    log_prob = np.log(density((chosen - loc) / scale) / scale / mass).sum(-1)
    return -log_prob[given.data['bc_mask'].numpy() == 1].mean()


def critic_losses(w, given, imagined, expanded, mixed):
    """Returns equations 7 and 8; V and V^ are numbers: they carry no gradient."""
    c, data = given.config.actor_critic, given.data
    feat, (batch, length) = given.post.feat.numpy(), data['reward'].shape
    model = true = 0.0
    for i in range(c.critic.members):
        errors = [
            (expanded[t] - q(w['online'], i, imagined.feat[t], imagined.action[t])) ** 2
            for t in range(c.horizon)
        ]
        model += np.mean(errors) if errors else 0.0
        errors = []
        for b in range(batch):
            for t in range(1, length):
                if not data['is_first'][b, t]:
                    target = data['reward'][b, t].item() + c.discount * mixed[0][b * length + t]
                    led = data['action'][b, t].numpy()
                    errors.append((target - q(w['online'], i, feat[b, t - 1], led)) ** 2)
        true += np.mean(errors)
    return model, true


def policy(w, c, feat):
    """Returns the truncated normal's location and scale."""
    mean, std = np.split(mlp(w['actor'], feat), 2, -1)
    cap = c.actor_critic.actor.mean_cap
    mean = cap * np.tanh(mean / cap) if cap else mean
    return np.tanh(mean), 2 / (1 + np.exp(-std / 2)) + c.actor_critic.actor.min_std


def entropy(loc, scale):
    """Returns the truncated normal's entropy, summed over the action's entries."""
    a, b = (-1 - loc) / scale, (1 - loc) / scale
    mass = cdf(b) - cdf(a)
    edge = (a * density(a) - b * density(b)) / (2 * mass)
    return (np.log(np.sqrt(2 * np.pi * np.e) * scale * mass) + edge).sum(-1)


def cell(w, deter, stoch, action):
    """Returns h_t = f(h_(t-1), z_(t-1), a_(t-1))."""
    led = stoch @ w['img_stoch.weight'].T + action @ w['img_action.weight'].T
    x = np.concatenate([elu(led + w['img_stoch.bias']), deter], 1) @ w['cell.weight'].T
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-3)
    x = x * w['cell_norm.weight'] + w['cell_norm.bias']
    reset, candidate, update = np.split(x, 3, 1)
    update = 1 / (1 + np.exp(1 - update))
    return update * np.tanh(candidate / (1 + np.exp(-reset))) + (1 - update) * deter


def prior_logits(w, c, deter):
    """Returns all members' logits (M, N, S, K)."""
    shape = (len(deter), c.model.rssm.stoch, c.model.rssm.classes)
    own = {name.removeprefix('priors.'): value for name, value in w.items()}
    return np.array([member(own, i, deter).reshape(shape) for i in range(c.model.rssm.members)])


def disagreement(logits, c):
    """Returns u (N,), equation 2, in the reading of a PenaltyConfig."""
    if c.logits == 'centred':
        logits = logits - logits.mean(-1, keepdims=True)
    if c.logits == 'probability':
        logits = softmax(logits)
    if c.logits == 'log_probability':
        logits = np.log(0.99 * softmax(logits) + 0.01 / logits.shape[-1])
    spread = logits.std(0)
    return spread.mean((1, 2)) if c.reduce == 'mean' else spread.max((1, 2))


def followed(logits, chosen):
    """Returns the logits (N, S, K) of the chosen member, of each row's own, or their mean."""
    if chosen is None:
        return logits.mean(0)
    return logits[chosen] if chosen.ndim == 0 else logits[chosen, np.arange(len(chosen))]


def q(w, i, feat, action):
    """Returns Q_i (N,)."""
    own = {name.removeprefix('net.'): value for name, value in w.items()}
    return member(own, i, np.concatenate([feat, action], -1))[..., 0]


def member(w, i, x):
    """Returns the output of the i'th perceptron of an ensemble, one hidden layer."""
    hidden = x @ w['layers.0.weight'][i] + w['layers.0.bias'][i, 0]
    if 'norms.0.scale' in w:
        mean, variance = hidden.mean(-1, keepdims=True), hidden.var(-1, keepdims=True)
        hidden = (hidden - mean) / np.sqrt(variance + 1e-3)
        hidden = hidden * w['norms.0.scale'][i, 0] + w['norms.0.offset'][i, 0]
    hidden = elu(hidden)
    return hidden @ w['layers.1.weight'][i] + w['layers.1.bias'][i, 0]


def mlp(w, x):
    """Returns the output of a perceptron with one hidden layer."""
    own = {name.removeprefix('net.'): value for name, value in w.items()}
    hidden = elu(x @ own['hidden.0.weight'].T + own['hidden.0.bias'])
    return hidden @ own['out.weight'].T + own['out.bias']


def elu(x):
    """Returns x, or exp(x) - 1 below 0."""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def softmax(x):
    """Returns probabilities over the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
