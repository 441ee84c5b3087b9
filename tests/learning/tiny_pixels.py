"""Model-free learners whose update takes milliseconds, and what watches their losses."""

import numpy as np
import torch

from moto_core.config import load_config
from moto_learning.agents.learner import make_learner
from moto_learning.agents.transitions import cut_transitions
from moto_learning.config import Config
from tests.learning import tiny_learner as tiny

ROWS = ['bc', 'iql', 'cql', 'sac']
TINY = {
    **tiny.TINY,
    'model_free': {
        'encoder': {'channels': [3, 4], 'kernel': 3, 'latent': 6},
        'head': {'layers': 1, 'units': 8},
        'batch': 64,
        'cql': {'samples': 3},
    },
}


def learner(row, *overrides, **kinds):
    config = load_config(Config, TINY, overrides=[f'agent={row}', *overrides])
    return make_learner(config, tiny.spec(**kinds))


def spread(agent, seed=5):
    """Moves every weight, so that targets differ from what they follow and no output is 0."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for net in agent.networks.values():
            for parameter in net.parameters():
                parameter += 0.3 * torch.randn(parameter.shape, generator=random)
    return agent


def cut(agent, **kinds):
    """The transitions of a batch: three sequences of five rows, two of each."""
    c = agent.settings
    return cut_transitions(tiny.tensors(**kinds), c.encoder.frames, c.batch, agent.generator)


def networks(agent):
    return {name: tiny.weights(net) for name, net in agent.networks.items()}


def changed(agent, before):
    return {
        name for name in before if not tiny.same(before[name], tiny.weights(agent.networks[name]))
    }


class Watched:
    """Stands in for an optimiser: keeps the loss and the networks that its gradient reaches."""

    def __init__(self, agent):
        self.agent, self.loss, self.reaches = agent, None, None

    def step(self, loss):
        self.loss, self.reaches = loss.item(), set()
        for name, net in self.agent.networks.items():
            trained = [p for p in net.parameters() if p.requires_grad]
            found = (
                torch.autograd.grad(loss, trained, retain_graph=True, allow_unused=True)
                if trained
                else ()
            )
            if any(g is not None and g.abs().max() > 0 for g in found):
                self.reaches.add(name)
        return True, torch.zeros(())


def watch(agent):
    agent.optimizers = {name: Watched(agent) for name in agent.optimizers}
    return agent.optimizers


def noise_to_come(agent, *shapes):
    """The uniform numbers that the learner's generator gives next, as float64."""
    twin = torch.Generator().manual_seed(0)
    twin.set_state(agent.generator.get_state())
    return [torch.rand(shape, generator=twin).double().numpy() for shape in shapes]


def array(value):
    return value.detach().double().numpy()


def bright_batch(seed, chooses, length=7, sequences=16):
    """A problem of two steps, eight pixels high: which side is bright tells the action's sign.

        row          0       1        2       3        4 ...
        image       side   grey g    side   grey g    side      g = 1 - (a - side)^2 / 4
        reward       0       0        g       0        g        of the action at the row before it

    `chooses` (random, side (B,)) gives the first entry of the actions (B,); the second is free.
    """
    random = np.random.default_rng(seed)
    shape = (sequences, length)
    data = {
        'images': {'front': np.zeros((*shape, 8, 12, 3), np.uint8)},
        'chosen': random.uniform(-1, 1, (*shape, 2)).astype(np.float32),
        'reward': np.zeros(shape, np.float32),
        'is_first': np.zeros(shape, bool),
        'bc_mask': np.ones(shape, np.float32),
    }
    data['is_first'][:, 0] = True
    for t in range(0, length, 2):
        side = random.choice([-1, 1], sequences)
        data['images']['front'][:, t] = [bright(s) for s in side]
        action = chooses(random, side)
        data['chosen'][:, t, 0] = action
        good = goodness(action, side)
        if t + 1 < length:
            data['images']['front'][:, t + 1] = (255 * good).astype(np.uint8)[:, None, None, None]
        if t + 2 < length:
            data['reward'][:, t + 2] = good
    return data


def goodness(action, side):
    """What an action is worth where `side` is bright: 1 at the side, 0 at the other."""
    return 1 - (np.clip(action, -1, 1) - side) ** 2 / 4


def bright(side):
    """An image (8, 12, 3) whose right half is bright if side is 1, its left half if it is -1."""
    image = np.full((8, 12, 3), 20, np.uint8)
    image[:, 6:] = 230
    return image if side == 1 else image[:, ::-1].copy()
