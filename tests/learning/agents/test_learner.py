"""A learner is one class and one name: training, checkpoints and export know no other thing."""

import copy

import pytest
import torch
from torch import nn

from moto_core.episodes.dataset import Dataset
from moto_core.errors import ConfigError
from moto_core.policy.policy import OnnxPolicy
from moto_learning.agents.decide import PolicyOutput
from moto_learning.agents.learner import LEARNERS, make_learner
from moto_learning.agents.moto import MotoLearner
from moto_learning.agents.policy_graph import Graphs
from moto_learning.export.export import export_run
from moto_learning.model.rssm import State
from moto_learning.run.checkpoints import load_checkpoint, load_learner
from moto_learning.run.metrics import read_metrics
from moto_learning.run.train import Training
from tests.learning import tiny_learner as tiny
from tests.recorded import record, tiny_spec


class Seen(nn.Module):
    """Embeds the front camera as its mean colour."""

    def forward(self, front, *others):
        return front.float().mean((-3, -2)) / 255  # (..., 3)


class Acts(nn.Module):
    """The cloned action; it carries a state only because a bundle has one."""

    def __init__(self, actions):
        super().__init__()
        self.net = nn.Linear(3, actions)

    def step(self, embed, deter, stoch, previous_action, is_first):
        keep = 1 - is_first[:, None]
        action = self.net(embed).tanh()
        post = State(
            deter=deter * keep + embed.sum(),
            stoch=stoch * keep + previous_action.sum(),
            logit=torch.tensor([[[0.0, 1.0]] * 2]),
        )
        doubt = action.square().mean(-1)
        return PolicyOutput(post=post, action=action, disagreement=doubt, surprise=0 * doubt)

    def forward(self, *inputs):
        out = self.step(*inputs)
        return out.action, out.post.deter, out.post.stoch, out.disagreement, out.surprise


class Cloner:
    """Behaviour cloning from the mean colour, with a plain optimiser and its own random state."""

    def __init__(self, config, spec, device='cpu'):
        self.config, self.spec, self.updates, self.skipped = config, spec, 0, 0
        self.seen, self.acts = Seen(), Acts(spec.action_size)
        self.generator = torch.Generator().manual_seed(config.seed)
        with torch.no_grad():
            self.acts.net.weight.normal_(generator=self.generator)
            self.acts.net.bias.zero_()
        self.adam = torch.optim.Adam(self.acts.parameters(), 1e-2)

    def update(self, batch):
        embed = self.seen(torch.as_tensor(batch['images']['front']))
        noise = 1e-3 * torch.randn(embed.shape, generator=self.generator)
        error = self.acts.net(embed + noise).tanh() - torch.as_tensor(batch['chosen'])
        loss = error.square().mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.updates += 1
        return {'cloner/loss': loss.item(), 'update/skipped': 0.0}

    def policy(self, exploration=None):
        raise NotImplementedError

    def graphs(self):
        policy = copy.deepcopy(self.acts).requires_grad_(False)
        return Graphs(encoder=self.seen, policy=policy, embed=3, deter=2, stoch=4)

    def state_dict(self):
        return {
            'net': self.acts.state_dict(),
            'adam': self.adam.state_dict(),
            'random': self.generator.get_state(),
            'updates': self.updates,
        }

    def load_state_dict(self, state):
        self.acts.load_state_dict(state['net'])
        self.adam.load_state_dict(state['adam'])
        self.generator.set_state(state['random'])
        self.updates = int(state['updates'])


@pytest.fixture
def cloner(monkeypatch):
    monkeypatch.setitem(LEARNERS, 'cloner', Cloner)


def train(data, out, updates, resumed=None):
    config = tiny.config('agent=cloner', f'train.offline_updates={updates}')
    training = Training(config, Dataset.open(data).spec, [data], out, resumed=resumed)
    training.offline()
    training.close()
    return training.learner


def test_a_new_learner_trains_resumes_and_is_exported_without_another_change(tmp_path, cloner):
    data, run = tmp_path / 'data', tmp_path / 'run'
    record(data, [9, 8], tiny_spec(proprioception=()), success=True)
    whole = train(data, tmp_path / 'whole', 4)
    assert isinstance(train(data, run, 2), Cloner)
    assert load_learner(run).updates == 2
    again = train(data, run, 4, load_checkpoint(run))
    assert again.updates == 4
    assert tiny.same(tiny.weights(again.acts), tiny.weights(whole.acts))
    losses = [[row['cloner/loss'] for row in read_metrics(r)] for r in (run, tmp_path / 'whole')]
    assert losses[0] == losses[1] and len(losses[0]) == 4
    bundle = export_run(run, tmp_path / 'bundles')
    assert bundle.disagreement_threshold > 0
    assert bundle.note.startswith('no surprise limits, so that nothing it sees slows')
    policy = OnnxPolicy(bundle.path)
    images = Dataset.open(data).read(Dataset.open(data).episodes()[0].id).images
    step = policy.step({name: x[0] for name, x in images.items()}, None, policy.initial())
    embed = again.seen(torch.as_tensor(images['front'][:1]))
    assert step.action == pytest.approx(again.acts.net(embed).tanh()[0].tolist(), abs=1e-5)


def test_the_learner_of_a_configuration_is_the_one_it_names():
    assert isinstance(make_learner(tiny.config(), tiny.spec()), MotoLearner)
    with pytest.raises(ConfigError, match="unknown agent 'motto'. Did you mean 'moto'"):
        make_learner(tiny.config('agent=motto'), tiny.spec())
