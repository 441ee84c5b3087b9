"""An exported bundle repeats its agent, to 1e-4 over 50 steps of carried state."""

import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from moto_core.config import load_config, to_dict
from moto_core.episodes.dataset import Dataset
from moto_core.errors import BundleError, DatasetError
from moto_core.observation import Observation
from moto_core.policy.bundle import read_bundle
from moto_core.policy.name_file import named_folder
from moto_core.policy.policy import OnnxPolicy
from moto_core.spec import CameraSpec, Spec
from moto_learning.agents.moto import MotoLearner
from moto_learning.commands import export as command
from moto_learning.config import Config
from moto_learning.data.cache import compile_dataset
from moto_learning.export import export
from moto_learning.export.export import export_bundle, export_run
from moto_learning.export.rehearsal import MARGIN, STEPS, drawn_observations, selftest
from moto_learning.export.thresholds import LEAST, WINDOW, doubts
from moto_learning.model.distributions import categorical_kl
from moto_learning.model.rssm import State
from moto_learning.run.checkpoint_files import CheckpointError
from moto_learning.run.checkpoints import save_checkpoint
from tests.recorded import record, tiny_spec

COMMIT = '0123456789abcdef0123456789abcdef01234567'
IDS = ['01J00000000000000000000001', '01J00000000000000000000002']
TINY = {
    'model': {
        'encoder': {'channels': [4, 8], 'kernel': 3, 'padding': 1, 'proprioception': [12, 8]},
        'rssm': {'deter': 16, 'stoch': 4, 'classes': 5, 'hidden': 12, 'members': 3},
        'reward': {'layers': 1, 'units': 8},
    },
    'actor_critic': {
        'actor': {'head': {'layers': 2, 'units': 12}},
        'critic': {'head': {'layers': 1, 'units': 8}},
    },
    'replay': {'batch': 2, 'length': 4},
}
ONE_CAMERA = Spec(
    ['a', 'b'], [1.0, 1.0], rate=12.5, cameras={'front': CameraSpec(height=12, width=10)}
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope='module')
def known_networks():
    """Converts networks with equal weights once; a conversion takes a second."""
    convert, known = export.to_onnx, {}

    def remembered(module, signature):
        weights = [value.numpy().tobytes() for value in module.state_dict().values()]
        key = (type(module), tuple(weights), str(signature), repr(getattr(module, 'penalty', '')))
        if key not in known:
            known[key] = convert(module, signature)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, 'to_onnx', remembered)
        yield convert


def make_agent(spec, seed=3, **changes):
    """An agent whose logits are spread as a trained one's: an untrained one is all near ties."""
    agent = MotoLearner(load_config(Config, {**TINY, 'seed': seed, **changes}), spec)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in (agent.world_model, agent.actor):
            for parameter in module.parameters():
                parameter += 0.2 * torch.randn(parameter.shape, generator=random)
    return agent


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    agent = make_agent(tiny_spec())
    return agent, export_bundle(agent, tmp_path_factory.mktemp('bundles'), git_hash=COMMIT)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A run's folder with a dataset of two episodes and one more that came later."""
    root = tmp_path_factory.mktemp('run')
    ids = record(root / 'data', [40, 30])
    agent = make_agent(tiny_spec())
    agent.updates = 10
    save_run(root / 'run', agent, ids, root / 'data')
    record(root / 'data', [5])
    return root / 'run', agent, ids


def save_run(path, agent, ids, data):
    meta = {'updates': agent.updates, 'data': [str(data)], 'episodes': list(ids)}
    save_checkpoint(path, agent.state_dict(), {}, agent.config, agent.spec, meta)


@torch.no_grad()
def torch_step(agent, frame, state):
    """One step written out from the agent's own networks, and the margin of its categories."""
    model = agent.world_model
    images = {name: torch.from_numpy(image)[None] for name, image in frame.images.items()}
    vector = None if frame.proprioception is None else torch.from_numpy(frame.proprioception)[None]
    deter, stoch, action, is_first = (
        torch.from_numpy(state[name]) for name in ('deter', 'stoch', 'previous_action', 'is_first')
    )
    keep = 1 - is_first[:, None]
    before = State(deter * keep, stoch * keep, stoch)
    post = model.rssm.obs_step(
        before, action * keep, model.encoder(images, vector), torch.zeros(1)
    )
    chosen = agent.actor(post.feat).mode()
    logits = model.rssm.prior_logits(model.rssm.img_step(post, chosen).deter)  # (M, 1, S, K)
    disagreement = float(logits[:, 0].std(0, correction=0).mean())
    prior = model.rssm.prior_logits(post.deter).mean(0)
    surprise = float(categorical_kl(post.logit, prior)) * float(keep)
    two = post.logit.topk(2, -1).values
    following = {
        'deter': post.deter.numpy(),
        'stoch': post.stoch.numpy(),
        'previous_action': chosen.numpy(),
        'is_first': np.zeros(1, np.float32),
    }
    margin = float((two[..., 0] - two[..., 1]).min())
    return chosen[0].numpy(), disagreement, surprise, following, margin


def compare(agent, policy, frames):
    """Carries both states over the frames but those with a near tie; returns how many."""
    left = {name: np.full_like(array, 0.7) for name, array in policy.initial().items()}
    ours = theirs = {**left, 'is_first': np.ones(1, np.float32)}  # of an episode before
    compared = 0
    for frame in frames:
        action, disagreement, surprise, after, margin = torch_step(agent, frame, theirs)
        if margin < 1e-5:
            continue
        step = policy.step(frame.images, frame.proprioception, ours)
        np.testing.assert_allclose(step.action, action, atol=1e-4)
        np.testing.assert_allclose(step.disagreement, disagreement, atol=1e-4)
        assert (step.surprise > 0) == (compared > 0), 'nothing was expected at the first step'
        np.testing.assert_allclose(step.surprise, surprise, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(step.state['deter'], after['deter'], atol=1e-4)
        np.testing.assert_array_equal(step.state['stoch'], after['stoch'])
        ours, theirs, compared = step.state, after, compared + 1
    return compared


def noise_frames(spec, count):
    random = np.random.default_rng(5)
    return [
        frame._replace(
            images={
                name: random.integers(0, 256, (c.height, c.width, 3), np.uint8)
                for name, c in spec.cameras.items()
            }
        )
        for frame in drawn_observations(spec, count)
    ]


@pytest.mark.parametrize('make_frames', [drawn_observations, noise_frames])
def test_the_bundle_repeats_torch_over_50_steps_of_carried_state(exported, make_frames):
    agent, done = exported
    frames = make_frames(agent.spec, 60)
    assert compare(agent, OnnxPolicy(done.path), frames) >= 50


def test_the_bundle_repeats_torch_without_proprioception(tmp_path):
    agent = make_agent(ONE_CAMERA)
    done = export_bundle(agent, tmp_path)
    assert compare(agent, OnnxPolicy(done.path), drawn_observations(ONE_CAMERA, 60)) >= 50
    assert set(done_inputs(done)) == {'image_front'}


def done_inputs(done):
    """The inputs of encoder.onnx, in its order."""
    return [node.name for node in onnx.load(done.path / 'encoder.onnx').graph.input]


def selftest_of(path):
    with np.load(path / 'selftest.npz') as arrays:
        return dict(arrays)


def test_a_policy_of_the_small_preset_repeats_torch(tmp_path):
    from moto_core.config import config_file

    spec = replace(ONE_CAMERA, cameras={'front': CameraSpec()}, proprioception=['position'])
    agent = MotoLearner(load_config(Config, config_file('train', 'small')), spec)
    done = export_bundle(agent, tmp_path)
    assert compare(agent, OnnxPolicy(done.path), drawn_observations(spec, 60)) >= 50
    assert done.latency < 0.1  # [s], on a machine busy with other tests


def test_actions_depend_on_the_images_and_on_the_past(exported):
    agent, done = exported
    policy = OnnxPolicy(done.path)
    one, two = drawn_observations(agent.spec, 2)
    first = policy.step(one.images, one.proprioception, policy.initial())
    other = policy.step(two.images, one.proprioception, policy.initial())
    again = policy.step(one.images, one.proprioception, first.state)
    assert abs(first.action - other.action).max() > 1e-3
    assert abs(first.action - again.action).max() > 1e-3


@pytest.mark.parametrize('kind, reduce', [('centred', 'mean'), ('probability', 'max')])
def test_the_disagreement_is_the_one_that_training_penalises(tmp_path, kind, reduce):
    changes = {**TINY['actor_critic'], 'penalty': {'logits': kind, 'reduce': reduce}}
    agent = make_agent(ONE_CAMERA, actor_critic=changes)
    policy = OnnxPolicy(export_bundle(agent, tmp_path).path)
    frame = drawn_observations(ONE_CAMERA, 1)[0]
    step = policy.step(frame.images, None, policy.initial())
    state = State(*(torch.from_numpy(step.state[name]) for name in ('deter', 'stoch', 'stoch')))
    rssm = agent.world_model.rssm
    after = rssm.img_step(state, torch.from_numpy(step.action)[None])
    logits = rssm.prior_logits(after.deter)
    values = logits[:, 0].detach()
    values = values - values.mean(-1, keepdim=True) if kind == 'centred' else values.softmax(-1)
    spread = values.std(0, correction=0)
    expected = spread.mean() if reduce == 'mean' else spread.max()
    assert step.disagreement == pytest.approx(float(expected), abs=1e-5)


def test_the_manifest_tells_where_the_policy_comes_from(exported):
    agent, done = exported
    manifest = read_bundle(done.path).manifest
    assert manifest.spec == agent.spec
    assert manifest.training == to_dict(agent.config)
    assert (manifest.git_hash, manifest.parent, manifest.tolerance) == (COMMIT, '', 1e-4)


def test_the_networks_declare_their_tensors_and_hold_nothing_else(exported):
    agent, done = exported
    inputs = {
        'encoder': ['image_front', 'image_wrist', 'proprioception'],
        'policy': ['embed', 'deter', 'stoch', 'previous_action', 'is_first'],
    }
    for part in ('encoder', 'policy'):
        content = (done.path / f'{part}.onnx').read_bytes()
        model = onnx.load_from_string(content)
        onnx.checker.check_model(model, full_check=True)
        assert [node.name for node in model.graph.input] == inputs[part]
        assert not model.metadata_props
        assert not any(tensor.external_data for tensor in model.graph.initializer)
        assert {node.op_type for node in model.graph.node}.isdisjoint({'Einsum', 'RandomNormal'})
        assert b'moto_learning' not in content and b'.py' not in content


def test_the_same_agent_gives_the_same_bundle(exported, known_networks, monkeypatch):
    agent, done = exported
    monkeypatch.setattr(export, 'to_onnx', known_networks)
    assert export_bundle(agent, done.path.parent, git_hash=COMMIT).path == done.path


def test_the_self_test_starts_from_a_state_that_must_be_reset(exported):
    arrays = selftest_of(exported[1].path)
    assert arrays['is_first'].tolist() == [1.0] + [0.0] * (STEPS - 1)
    assert all(abs(arrays[name]).min() > 0 for name in ('deter', 'stoch', 'previous_action'))
    assert len(np.unique(arrays['next_stoch'], axis=0)) > 5


def test_no_state_of_the_self_test_is_a_near_tie(exported):
    agent, done = exported
    assert done.margin >= MARGIN
    encoder, policy = agent.graphs()[:2]
    arrays = selftest_of(done.path)
    state = [torch.from_numpy(arrays[name]) for name in ('deter', 'stoch', 'previous_action')]
    for t in range(STEPS):
        inputs = [torch.from_numpy(arrays[name][t : t + 1]) for name in done_inputs(done)]
        out = policy.step(
            encoder(*inputs), *state, torch.from_numpy(arrays['is_first'][t : t + 1])
        )
        two = out.post.logit.topk(2, -1).values
        assert float((two[..., 0] - two[..., 1]).min()) >= MARGIN
        state = [out.post.deter, out.post.stoch, out.action]


def test_observations_with_near_ties_are_passed_over():
    agent = make_agent(tiny_spec())
    with torch.no_grad():  # all logits 1000 times closer
        agent.world_model.rssm.obs_out.weight *= 1e-3
        agent.world_model.rssm.obs_out.bias *= 1e-3
    coming = drawn_observations(agent.spec, 100)
    arrays, _ = selftest(agent.graphs(), agent.spec, coming)
    assert arrays['action'].shape == (STEPS, 3)
    in_turn = np.stack([seen.images['front'] for seen in coming[:STEPS]])
    assert (arrays['image_front'] != in_turn).any()


def test_an_agent_that_acts_on_samples_is_not_exported_and_told_why(tmp_path):
    changes = {**TINY['actor_critic'], 'actor': {'act_on': 'sample'}}
    with pytest.raises(BundleError, match="act_on is 'sample'; a bundle acts on .* 'mode'"):
        export_bundle(make_agent(ONE_CAMERA, actor_critic=changes), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_agent_that_is_not_finite_is_not_exported(tmp_path):
    agent = make_agent(ONE_CAMERA)
    with torch.no_grad():
        agent.actor.net.out.weight[0, 0] = float('nan')
    with pytest.raises(BundleError, match='not finite'):
        export_bundle(agent, tmp_path)
    assert list(tmp_path.iterdir()) == []


def off_by(monkeypatch, change):
    """Lets torch's action of step 20 be another by `change`."""

    def wrong(*arguments):
        arrays, margin = selftest(*arguments)
        arrays['action'][20] += np.float32(change)
        return arrays, margin

    monkeypatch.setattr(export, 'selftest', wrong)


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (2e-3, "differs at step 20 in 'action'"),
        (4e-4, r'differs from torch by 4.0e-04 .* 2.5e-04'),
    ],
)
def test_a_bundle_that_onnxruntime_does_not_repeat_is_not_left_there(
    tmp_path, monkeypatch, change, says
):
    off_by(monkeypatch, change)
    with pytest.raises(BundleError, match=says):
        export_bundle(make_agent(ONE_CAMERA), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_rounding_does_here_leaves_room_for_other_processors(tmp_path, monkeypatch):
    off_by(monkeypatch, 1e-4)
    done = export_bundle(make_agent(ONE_CAMERA), tmp_path)
    assert read_bundle(done.path).manifest.tolerance == pytest.approx(4e-4, rel=0.02)
    assert done.error == pytest.approx(1e-4, rel=0.02)


def test_a_run_is_exported_with_the_episodes_that_it_learned_from(run, tmp_path):
    path, agent, ids = run
    done = export_run(path, tmp_path)
    manifest = read_bundle(done.path).manifest
    assert manifest.episodes == sorted(ids)
    assert done.note.startswith('no surprise limits') and manifest.surprise_limits is None
    cached = compile_dataset(Dataset.open(path.parent / 'data')).episodes
    known = [doubts(agent.graphs(), episode) for episode in cached if episode.id in ids]
    largest = max(float(found.disagreement.max()) for found in known)
    assert manifest.disagreement_threshold == pytest.approx(largest, rel=1e-6)
    frames = np.concatenate([e.images['front'] for e in cached if e.id in ids])
    recorded = {frame.tobytes() for frame in frames}
    assert all(frame.tobytes() in recorded for frame in selftest_of(done.path)['image_front'])


def test_the_doubts_along_an_episode_are_those_of_its_steps(run):
    path, agent, ids = run
    episode = compile_dataset(Dataset.open(path.parent / 'data')).episodes[0]
    state = {
        'deter': np.zeros((1, 16), np.float32),
        'stoch': np.zeros((1, 20), np.float32),
        'previous_action': np.zeros((1, 3), np.float32),
        'is_first': np.ones(1, np.float32),
    }
    expected, surprises = [], []
    for t in range(len(episode)):
        frame = Observation(
            images={name: np.array(stack[t]) for name, stack in episode.images.items()},
            proprioception=np.array(episode.proprioception[t]),
            stamp=t,
        )
        _, disagreement, surprise, state, _ = torch_step(agent, frame, state)
        state['previous_action'] = episode.requested[t : t + 1]
        expected.append(disagreement)
        surprises.append(surprise)
    found = doubts(agent.graphs(), episode)
    np.testing.assert_allclose(found.disagreement, expected, atol=1e-5)
    np.testing.assert_allclose(found.surprise, surprises, atol=1e-4)
    assert found.surprise[0] == 0.0 < found.surprise[1:].min()


def test_a_run_is_exported_with_limits_of_episodes_that_it_did_not_learn_from(run, tmp_path):
    path = shutil.copytree(run[0], tmp_path / 'run')  # its list of exports is its own
    apart = record(tmp_path / 'apart', [10] * LEAST, success=True)
    record(tmp_path / 'apart', [10] * 3)  # not successful: who knows what was seen in them
    done = export_run(path, tmp_path / 'out', [tmp_path / 'apart'])
    limits = read_bundle(done.path).manifest.surprise_limits
    assert (
        done.note == '' and limits == done.surprise_limits == OnnxPolicy(done.path).surprise_limits
    )
    assert (limits.episodes, limits.decisions, limits.window) == (LEAST, 10 * LEAST, WINDOW)
    assert not set(apart) & set(read_bundle(done.path).manifest.episodes)


def test_what_a_run_learned_from_says_nothing_of_its_ordinary_surprise(tmp_path):
    ids = record(tmp_path / 'data', [10] * LEAST, success=True)
    save_run(tmp_path / 'run', make_agent(tiny_spec()), ids[1:], tmp_path / 'data')
    done = export_run(tmp_path / 'run', tmp_path / 'out', [tmp_path / 'data'])
    assert done.surprise_limits is None
    assert ': 1 successful episodes that it did not learn from; expected' in done.note


def test_its_datas_episodes_of_another_task_say_nothing_of_its_ordinary_surprise(tmp_path):
    ids = record(tmp_path / 'data', [10] * 3, success=True)
    record(tmp_path / 'data', [10] * LEAST, success=True, task='kitchen-kettle')
    save_run(tmp_path / 'run', make_agent(tiny_spec()), ids[1:], tmp_path / 'data')
    done = export_run(tmp_path / 'run', tmp_path / 'out')
    assert done.surprise_limits is None
    assert ': 1 successful episodes that it did not learn from; expected' in done.note


def test_held_out_episodes_of_another_robot_are_refused(run, tmp_path):
    record(tmp_path / 'apart', [10], tiny_spec(rate=25.0), success=True)
    with pytest.raises(DatasetError, match="apart' is not of the run's robot: rate"):
        export_run(run[0], tmp_path / 'out', [tmp_path / 'apart'])


def test_the_parent_is_the_bundle_of_an_earlier_update(run, tmp_path):
    path, agent, ids = run
    first = export_run(path, tmp_path)
    assert export_run(path, tmp_path).path == first.path  # again at the same update
    agent.updates = 20
    save_run(path, agent, ids, path.parent / 'data')
    second = export_run(path, tmp_path)
    assert (first.parent, second.parent) == ('', first.path.name)
    log = path / 'exports.jsonl'  # what a kill or a hand leaves there spoils no later export
    wrong = [{'updates': '6', 'bundle': 'a' * 64}, {'updates': 6, 'bundle': '../a'}]
    lines = ''.join(json.dumps(line) + '\n' for line in wrong).encode()
    log.write_bytes(log.read_bytes() + b'\xff\n[]\n' + lines + b'{"upda')
    again = export_run(path, tmp_path)
    assert (again.path, again.parent) == (second.path, second.parent)
    assert read_bundle(second.path).manifest.parent == first.path.name
    earlier = export_run(path / 'checkpoints' / '00000010', tmp_path)
    assert earlier.path == first.path


def test_a_run_whose_dataset_is_gone_is_exported_and_says_what_it_lacks(tmp_path):
    save_run(tmp_path / 'run', make_agent(tiny_spec()), IDS, tmp_path / 'gone')
    done = export_run(tmp_path / 'run', tmp_path / 'out')
    assert 'gone' in done.note
    manifest = read_bundle(done.path).manifest
    assert (manifest.disagreement_threshold, manifest.episodes) == (None, IDS)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(CheckpointError, match='no checkpoint'):
        export_run(tmp_path, tmp_path / 'out')


def test_the_command_exports_and_names_the_bundle(run, tmp_path, capsys):
    name = tmp_path / 'names' / 'door'
    assert command.main([str(run[0]), '--out', str(tmp_path), '--name-file', str(name)]) == 0
    bundle, told = named_folder(name), capsys.readouterr().out
    assert str(bundle) in told and 'expected at least 19 with more than 8 rows' in told
    assert OnnxPolicy(bundle).spec == tiny_spec()


def test_the_command_ends_with_2_and_one_line_where_it_cannot(tmp_path, capsys):
    assert command.main([str(tmp_path / 'no'), '--out', str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith('moto-export: no checkpoint') and error.count('\n') == 1
