"""A small sparse task from pixels: a white square is to be moved onto a green one and stay there.

    image (16, 16, 3) uint8: the green square in the middle, the white one anywhere
    action (2,) in [-1, 1] moves the white square by 0.3 of its range at most
    reward 1 while it is within 0.15 of the middle along both axes
    an episode has 12 decisions and is successful if it ends there

In: a way to act and random numbers. Out: episodes as the cache gives them, and how well a policy
does from starts that it never saw.
"""

import numpy as np

from moto_core.spec import CameraSpec, Spec
from moto_learning.data.batch import learned_columns
from moto_learning.data.cache import CachedEpisode

SIZE, SIDE, STEP, NEAR, DECISIONS = 16, 4, 0.3, 0.15, 12
GOAL = np.array([0.5, 0.5])
SPEC = Spec(
    joints=['x', 'y'],
    action_scale=[1.0, 1.0],
    cameras={'front': CameraSpec(height=SIZE, width=SIZE)},
)
SETTINGS = {
    'model': {
        'encoder': {'patch': 2, 'channels': [16, 32], 'padding': 1, 'pixel_bias': True},
        'rssm': {'deter': 64, 'stoch': 8, 'classes': 8, 'hidden': 64, 'members': 3},
        'kl': {'scale': 0.1, 'free': 0.1},
        'reward': {'layers': 1, 'units': 64},
        'reward_scale': 10.0,
        'image_scale': 3.0,
        'optimizer': {'rate': 3e-3},
    },
    'actor_critic': {
        'horizon': 4,
        'starts': 32,
        'discount': 0.8,
        'penalty': {'alpha': 0.1, 'logits': 'log_probability'},
        'actor': {'head': {'layers': 1, 'units': 64}, 'optimizer': {'rate': 2e-3}},
        'critic': {
            'head': {'layers': 1, 'units': 64},
            'target_every': 1,
            'target_rate': 0.05,
            'zero_start': True,
            'optimizer': {'rate': 3e-3},
        },
    },
    'replay': {'batch': 16, 'length': 8},
    'train': {'tensorboard': False, 'threads': 1, 'device': 'cpu'},
}


def draw(place):
    """The image (16, 16, 3) of a white square at place (2,) in [0, 1]."""
    image = np.full((SIZE, SIZE, 3), 40, np.uint8)
    for corner, colour in ((GOAL, (0, 255, 0)), (place, (255, 255, 255))):
        row, column = np.round(corner * (SIZE - SIDE)).astype(int)
        image[row : row + SIDE, column : column + SIDE] = colour
    return image


def random_action(place, image, rng):
    return rng.uniform(-1, 1, 2)


def expert_action(place, image, rng):
    return np.clip((GOAL - place) / STEP + rng.normal(0, 0.2, 2), -1, 1)


def opposite_action(place, image, rng):
    return -expert_action(place, image, rng)


def acting(policy):
    """A policy as a way to act for one episode."""
    state = policy.initial()

    def act(place, image, rng):
        nonlocal state
        step = policy.step({'front': image}, None, state)
        state = step.state
        return step.action

    return act


def run(act, rng):
    """An episode: images (T, ...), actions (T, 2), rewards (T,), from a start that rng draws."""
    place = rng.uniform(0, 1, 2)
    while np.abs(place - GOAL).max() < 0.3:
        place = rng.uniform(0, 1, 2)
    images, actions, rewards = [], [], []
    for _ in range(DECISIONS):
        images.append(draw(place))
        rewards.append(float(np.abs(place - GOAL).max() < NEAR))
        actions.append(act(place, images[-1], rng))
        place = np.clip(place + STEP * actions[-1], 0, 1)
    return np.array(images), np.array(actions, np.float32), np.array(rewards, np.float32)


def episode(name, images, actions, rewards):
    """An episode as replay takes it."""
    first = np.zeros(DECISIONS, bool)
    first[0] = True
    columns = {
        'stamp': np.arange(DECISIONS),
        'requested': actions,
        'executed': actions,
        'intervention': np.zeros(DECISIONS, bool),
        'let_through': np.ones(DECISIONS, bool),
        'reward': rewards,
        'is_first': first,
        'gap': np.zeros(DECISIONS, bool),
        'proprioception': None,
    }
    successful = bool(rewards[-1])
    return CachedEpisode(
        id=name,
        spec_hash=SPEC.hash,
        source='sim',
        parts=(),
        outcome='success' if successful else 'failure',
        successful=successful,
        images={'front': images},
        columns=columns,
        learned=learned_columns(columns, rewards, successful),
    )


def episodes(act, count, seed):
    """`count` episodes of a way to act."""
    rng = np.random.default_rng(seed)
    return [episode(f'{act.__name__}-{seed}-{i}', *run(act, rng)) for i in range(count)]


def collected(policy, count, seed):
    """`count` episodes of a policy."""
    rng = np.random.default_rng(seed)
    return [episode(f'online-{seed}-{i}', *run(acting(policy), rng)) for i in range(count)]


def on_goal(policy, count=60):
    """The share of rows on the goal in the second halves of episodes from held-out starts."""
    rng = np.random.default_rng(10**6)
    rewards = [run(acting(policy), rng)[2][DECISIONS // 2 :] for _ in range(count)]
    return float(np.mean(rewards))
