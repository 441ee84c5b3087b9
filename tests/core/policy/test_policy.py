"""Policies in onnxruntime: checked whole when made, pure when stepped."""

import io
import shutil
import struct
import tracemalloc
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from moto_core.errors import BundleError, ObservationError
from moto_core.policy import onnx_session
from moto_core.policy import selftest as selftest_file
from moto_core.policy.arrays import pack_arrays
from moto_core.policy.policy import OnnxPolicy, Policy, RandomPolicy, ZeroPolicy
from moto_core.spec import CameraSpec
from moto_ros.chaos.tiny_bundle import (
    SPEC,
    encoder_onnx,
    forge,
    policy_onnx,
    selftest,
    write_tiny_bundle,
)

WHITE = {'front': np.full((4, 6, 3), 255, np.uint8)}
TWO_CAMERAS = replace(
    SPEC,
    proprioception=['position'],
    cameras={'front': CameraSpec(height=4, width=6), 'wrist': CameraSpec(height=2, width=2)},
)


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    return write_tiny_bundle(tmp_path_factory.mktemp('exports'))


@pytest.fixture
def policy(bundle):
    return OnnxPolicy(bundle)


def test_a_step_gives_the_numbers_worked_by_hand(policy, bundle):
    first = policy.step(WHITE, None, policy.initial())
    second = policy.step(WHITE, None, first.state)
    # embed 1; deter 1, then 0.5 + 1; action tanh(1), then tanh(1.5) + 0.1 tanh(1)
    np.testing.assert_allclose(first.action, [0.76159416] * 3, atol=1e-6)
    np.testing.assert_allclose(second.action, [0.90514825 + 0.076159416] * 3, atol=1e-6)
    np.testing.assert_allclose(second.state['deter'], [[1.5]], atol=1e-6)
    np.testing.assert_array_equal(second.state['stoch'], [[1, 0]])
    assert second.disagreement == pytest.approx(1.0)
    assert (policy.hash, policy.spec) == (bundle.name, SPEC)


def test_the_initial_state_is_flagged_and_what_it_holds_does_not_matter(policy):
    state = policy.initial()
    assert {name: (array.shape, array.dtype.name) for name, array in state.items()} == {
        'deter': ((1, 1), 'float32'),
        'stoch': ((1, 2), 'float32'),
        'previous_action': ((1, 3), 'float32'),
        'is_first': ((1,), 'float32'),
    }
    other = {**{name: array + 5 for name, array in state.items()}, 'is_first': state['is_first']}
    np.testing.assert_array_equal(
        policy.step(WHITE, None, state).action, policy.step(WHITE, None, other).action
    )


def test_types_are_those_of_the_protocol(policy):
    step = policy.step(WHITE, None, policy.initial())
    assert (step.action.shape, step.action.dtype) == ((3,), np.float32)
    assert type(step.disagreement) is float
    assert step.state.keys() == policy.initial().keys()
    assert step.state['is_first'].tolist() == [0]


def test_a_step_writes_to_nothing_that_was_passed_or_returned_before(policy):
    state = policy.initial()
    before = {name: array.copy() for name, array in state.items()}
    first = policy.step(WHITE, None, state)
    kept = {name: array.copy() for name, array in first.state.items()}
    action = first.action.copy()
    for _ in range(20):
        policy.step({'front': np.zeros((4, 6, 3), np.uint8)}, None, first.state)
    for name in kept:
        np.testing.assert_array_equal(state[name], before[name])
        np.testing.assert_array_equal(first.state[name], kept[name])
    np.testing.assert_array_equal(first.action, action)


def test_an_action_changed_by_the_caller_leaves_the_state_alone(policy):
    step = policy.step(WHITE, None, policy.initial())
    assert not any(np.shares_memory(step.action, array) for array in step.state.values())
    expected = policy.step(WHITE, None, step.state).action
    step.action[:] = 9
    np.testing.assert_array_equal(policy.step(WHITE, None, step.state).action, expected)


def test_two_streams_of_states_do_not_mix(policy):
    one, two = policy.initial(), policy.initial()
    black = {'front': np.zeros((4, 6, 3), np.uint8)}
    alone = policy.step(WHITE, None, policy.step(WHITE, None, one).state).action
    one = policy.step(WHITE, None, one).state
    policy.step(black, None, policy.step(black, None, two).state)
    np.testing.assert_array_equal(policy.step(WHITE, None, one).action, alone)


def test_images_that_are_views_give_the_same_as_their_copies(policy):
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    view = image[::2, ::-2]
    np.testing.assert_array_equal(
        policy.step({'front': view}, None, policy.initial()).state['deter'],
        policy.step({'front': view.copy()}, None, policy.initial()).state['deter'],
    )


def test_several_cameras_and_proprioception_are_fed_by_name(tmp_path):
    policy = OnnxPolicy(write_tiny_bundle(tmp_path, TWO_CAMERAS))
    images = {'wrist': np.full((2, 2, 3), 51, np.uint8), 'unused': np.zeros(1), **WHITE}
    step = policy.step(images, np.array([0.1, 0.2, 0.3]), policy.initial())
    assert step.disagreement == pytest.approx(1 + 0.2 + 0.6, abs=1e-6)


@pytest.mark.parametrize(
    'images, message',
    [
        ({}, r"camera 'front': expected \(4, 6, 3\) uint8 RGB, got nothing"),
        ({'front': np.zeros((6, 4, 3), np.uint8)}, r'expected \(4, 6, 3\).*got \(6, 4, 3\) uint8'),
        ({'front': np.zeros((4, 6, 3), np.float32)}, r'got \(4, 6, 3\) float32'),
        ({'front': np.zeros((4, 6), np.uint8)}, r'got \(4, 6\) uint8'),
    ],
)
def test_an_image_that_does_not_fit_is_named(policy, images, message):
    with pytest.raises(ObservationError, match=message):
        policy.step(images, None, policy.initial())


def test_proprioception_that_does_not_fit_is_named(tmp_path):
    policy = OnnxPolicy(write_tiny_bundle(tmp_path, TWO_CAMERAS))
    images = {'wrist': np.zeros((2, 2, 3), np.uint8), **WHITE}
    for wrong, got in ((None, 'nothing'), (np.zeros(2), '.2,.'), (np.zeros((1, 3)), '.1, 3.')):
        with pytest.raises(ObservationError, match=rf'expected \(3,\) float32, got {got}'):
            policy.step(images, wrong, policy.initial())


def test_what_is_not_finite_is_passed_on(policy):
    state = {
        **policy.step(WHITE, None, policy.initial()).state,
        'previous_action': np.full((1, 3), np.nan, np.float32),
    }
    assert np.isnan(policy.step(WHITE, None, state).action).all()


def test_the_self_test_is_run_at_load_and_measured(policy):
    assert policy.selftest.steps == 50
    assert 0 <= policy.selftest.error < 1e-5
    assert 0 < policy.selftest.latency < SPEC.period / 2


@pytest.mark.parametrize(
    'name', ['action', 'next_deter', 'next_stoch', 'disagreement', 'surprise']
)
@pytest.mark.parametrize('change', [2e-3, np.nan])
def test_a_self_test_that_differs_anywhere_is_refused(tmp_path, name, change):
    arrays = selftest()
    arrays[name][37, ...] += np.float32(change)
    with pytest.raises(BundleError, match=f"at step 37 in '{name}'.*expected.*got.*tolerance"):
        OnnxPolicy(write_tiny_bundle(tmp_path, selftest=arrays))


def test_the_surprise_is_a_sum_and_may_be_off_by_ten_roundings(tmp_path):
    arrays = selftest()
    arrays['surprise'][37] += np.float32(8e-4 * max(1, abs(arrays['surprise'][37])))
    policy = OnnxPolicy(write_tiny_bundle(tmp_path, selftest=arrays))
    assert policy.selftest.error == pytest.approx(8e-5, rel=0.05)
    arrays['disagreement'][37] += np.float32(8e-4)
    with pytest.raises(BundleError, match="'disagreement'"):
        OnnxPolicy(write_tiny_bundle(tmp_path, selftest=arrays))


def test_a_self_test_within_its_tolerance_is_taken(tmp_path):
    arrays = selftest()
    arrays['action'][37] += np.float32(2e-3)
    bundle = write_tiny_bundle(tmp_path, selftest=arrays, tolerance=1e-2)
    assert OnnxPolicy(bundle).selftest.error == pytest.approx(2e-3, rel=0.01)


def test_a_network_that_gives_nan_fails_the_self_test(tmp_path):
    with pytest.raises(BundleError, match="step 0 in 'action'.*got nan"):
        OnnxPolicy(write_tiny_bundle(tmp_path, policy=policy_onnx(value=float('nan'))))


@pytest.mark.parametrize(
    'change, message',
    [
        ({'action': None}, "array 'action': expected float32 .50, 3., got nothing"),
        ({'action': np.zeros((50, 2), np.float32)}, r'got float32 \(50, 2\)'),
        ({'image_front': np.zeros((50, 4, 6, 3), np.float32)}, 'image_front.*expected uint8'),
        ({'is_first': np.zeros(50, np.float32)}, 'to start with 1'),
        ({'is_first': None}, r"'is_first' \(T,\) with T in \[1, 1000\], got nothing"),
        ({'is_first': np.float32(1)}, r'T in \[1, 1000\], got float32 \(\)'),
        ({'is_first': np.zeros(0, np.float32)}, r'T in \[1, 1000\], got float32 \(0,\)'),
        ({'is_first': np.ones(1001, np.float32)}, r'T in \[1, 1000\], got float32 \(1001,\)'),
        ({'extra': np.zeros(1)}, "'extra': expected nothing"),
        ({'action': np.zeros((50, 3), '>f4')}, "'action': expected float32.*, got >f4"),
    ],
)
def test_a_self_test_with_wrong_arrays_is_refused(tmp_path, change, message):
    arrays = {name: array for name, array in {**selftest(), **change}.items() if array is not None}
    with pytest.raises(BundleError, match=message):
        OnnxPolicy(write_tiny_bundle(tmp_path, selftest=arrays))


@pytest.mark.parametrize('part', ['encoder', 'policy'])
@pytest.mark.parametrize('content', [b'', b'not a network', encoder_onnx()[:-40]])
def test_a_file_that_is_no_network_is_refused_with_its_path(tmp_path, part, content):
    bundle = write_tiny_bundle(tmp_path, **{part: content})
    with pytest.raises(BundleError, match=f'{bundle.name}/{part}.onnx'):
        OnnxPolicy(bundle)


def test_a_refused_network_is_tried_once_and_told_by_the_error_alone(tmp_path, capfd):
    broken = encoder_onnx().replace(b'ReduceMean', b'\xffeduceMean')
    with pytest.raises(BundleError, match=r"onnxruntime refuses '.*encoder\.onnx'") as error:
        OnnxPolicy(write_tiny_bundle(tmp_path, encoder=broken))
    assert capfd.readouterr() == ('', '')
    assert '\n' not in str(error.value)


def test_a_message_does_not_repeat_all_that_a_file_tells(tmp_path):
    broken = onnx.load_from_string(encoder_onnx())
    broken.graph.node[0].op_type = 'X\n' * 100_000
    extra = onnx.load_from_string(encoder_onnx())
    for number in range(1000):
        extra.graph.output.add(name=f'\x1b[2J\n{number}').type.tensor_type.elem_type = 1
        extra.graph.node.add(op_type='Identity', input=['embed'], output=[f'\x1b[2J\n{number}'])
    for model in (broken, extra):
        with pytest.raises(BundleError) as error:
            OnnxPolicy(write_tiny_bundle(tmp_path, encoder=model.SerializeToString()))
        assert str(error.value).isprintable() and len(str(error.value)) < 5000


def test_a_network_of_a_newer_opset_is_refused_with_path_and_cause(tmp_path):
    with pytest.raises(BundleError, match=r'encoder.onnx.*[Oo]pset'):
        OnnxPolicy(write_tiny_bundle(tmp_path, encoder=encoder_onnx(opset=99)))


def test_a_network_in_onnxruntimes_own_format_is_refused(tmp_path, monkeypatch):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / 'policy.ort')
    options.log_severity_level = 4
    options.add_session_config_entry('session.save_model_format', 'ORT')
    onnxruntime.InferenceSession(policy_onnx(), options, providers=['CPUExecutionProvider'])
    content = (tmp_path / 'policy.ort').read_bytes()
    onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])  # takes it
    with pytest.raises(BundleError, match=r"policy\.onnx' is not an ONNX network"):
        OnnxPolicy(write_tiny_bundle(tmp_path, policy=content))
    monkeypatch.setattr(onnx_session, 'refuse_external_data', lambda where, model: None)
    with pytest.raises(BundleError, match=r"onnxruntime refuses '.*policy\.onnx'.*protobuf"):
        OnnxPolicy(write_tiny_bundle(tmp_path, policy=content))


@pytest.mark.parametrize(
    'name, size', [('embed', 'N'), ('deter', 'N'), ('stoch', 'N'), ('stoch', None), ('deter', 0)]
)
def test_a_network_that_leaves_a_size_open_is_refused(tmp_path, name, size):
    model = onnx.load_from_string(policy_onnx())
    for tensor in model.graph.input:
        if tensor.name == name:
            axis = tensor.type.tensor_type.shape.dim[1]
            axis.Clear()
            if isinstance(size, str):
                axis.dim_param = size
            elif size is not None:
                axis.dim_value = size
    with pytest.raises(BundleError, match=f"policy.onnx input '{name}': expected float32"):
        OnnxPolicy(write_tiny_bundle(tmp_path, policy=model.SerializeToString()))


@pytest.mark.parametrize(
    'name, axes',
    [
        ('action', [1, 4]),
        ('action', [0, 3]),
        ('next_deter', [2, 1]),
        ('next_stoch', [1, 0]),
        ('disagreement', [0]),
        ('surprise', [0]),
    ],
)
def test_a_network_that_gives_other_shapes_than_it_declares_is_refused(tmp_path, name, axes):
    model = onnx.load_from_string(policy_onnx())
    node = next(node for node in model.graph.node if name in node.output)
    node.output[list(node.output).index(name)] = 'before'
    constants = {'flat': [-1], 'none': [0], 'axes': axes}
    model.graph.initializer.extend(
        [numpy_helper.from_array(np.int64(value), key) for key, value in constants.items()]
    )
    model.graph.node.extend(
        [  # a shape that is known only when it runs
            helper.make_node('Mul', ['is_first', 'zero'], ['nothing']),
            helper.make_node('Cast', ['nothing'], ['nothings'], to=TensorProto.INT64),
            helper.make_node('Add', ['nothings', 'axes'], ['run_axes']),
            helper.make_node('Reshape', ['before', 'flat'], ['line']),
            helper.make_node('Gather', ['line', 'none'], ['one_value']),
            helper.make_node('Squeeze', ['one_value'], ['scalar']),
            helper.make_node('Expand', ['scalar', 'run_axes'], [name]),
        ]
    )
    with pytest.raises(
        BundleError, match='step 0 of the self-test fails|differs at step 0 .*shape'
    ):
        OnnxPolicy(write_tiny_bundle(tmp_path, policy=model.SerializeToString()))


def test_a_self_test_that_unpacks_to_gigabytes_is_refused_with_little_memory(tmp_path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (50, 4, 6, 3), }\n"
    stream = io.BytesIO(pack_arrays(selftest()))
    with (
        zipfile.ZipFile(stream, 'a', zipfile.ZIP_DEFLATED) as archive,
        archive.open('bomb.npy', 'w') as member,
    ):
        member.write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header)
        for _ in range(256):
            member.write(bytes(1 << 20))
    bundle = forge(write_tiny_bundle(tmp_path), selftest=stream.getvalue())
    tracemalloc.start()
    with pytest.raises(BundleError, match="array 'bomb': expected nothing"):
        OnnxPolicy(bundle)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_a_spec_whose_images_are_too_large_for_a_self_test_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(selftest_file, 'MAX_BYTES', 4000)
    with pytest.raises(BundleError, match=r'selftest.npz.: the arrays have \d+ bytes; expected'):
        OnnxPolicy(write_tiny_bundle(tmp_path))


def test_every_mismatch_is_in_one_message(tmp_path):
    robot = replace(
        SPEC, rate=20.0, joints=['a', 'x'], cameras={'front': CameraSpec(height=8, width=6)}
    )
    bundle = write_tiny_bundle(
        tmp_path,
        encoder=encoder_onnx(dtype='float32'),
        policy=policy_onnx(replace(SPEC, gripper=[], action_scale=[1.0, 1.0])),
    )
    with pytest.raises(BundleError) as error:
        OnnxPolicy(bundle, robot=robot)
    for part in (
        "joints: policy has ['a', 'b'], robot has ['a', 'x']",
        'rate: policy has 12.5, robot has 20.0',
        "camera 'front' height: policy has 4, robot has 8",
        "encoder.onnx input 'image_front': expected uint8 (1, 4, 6, 3), got float32 (1, 4, ",
        "policy.onnx input 'previous_action': expected float32 (1, 3), got float32 (1, 2)",
        "policy.onnx output 'action': expected float32 (1, 3), got float32 (1, 2)",
    ):
        assert part in str(error.value)


def test_exchanged_networks_are_refused(tmp_path):
    bundle = write_tiny_bundle(tmp_path, encoder=policy_onnx(), policy=encoder_onnx())
    with pytest.raises(BundleError, match="input 'image_front': expected uint8.*got nothing"):
        OnnxPolicy(bundle)


def test_a_robot_with_the_same_spec_is_taken(bundle):
    other = replace(SPEC, cameras={'front': CameraSpec('/other/topic', 4, 6)})
    assert OnnxPolicy(bundle, robot=other).hash == bundle.name


def test_a_missing_provider_is_replaced_only_where_the_processor_is_allowed(bundle):
    absent, processor = 'DmlExecutionProvider', 'CPUExecutionProvider'
    assert absent not in onnxruntime.get_available_providers()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert OnnxPolicy(bundle, (absent, processor)).provider == processor
    with pytest.raises(BundleError, match=f"{absent} is not installed.*add '{processor}'"):
        OnnxPolicy(bundle, (absent,))
    with pytest.raises(BundleError, match='none is allowed'):
        OnnxPolicy(bundle, ())


def test_a_policy_slower_than_allowed_is_refused(bundle):
    with pytest.raises(BundleError, match='step takes .* ms in the self-test; expected at most'):
        OnnxPolicy(bundle, latency_limit=1e-9)


def test_a_refused_bundle_leaves_the_policy_in_use_running(policy, bundle, tmp_path):
    damaged = shutil.copytree(bundle, tmp_path / bundle.name)
    (damaged / 'encoder.onnx').write_bytes(b'')
    before = policy.step(WHITE, None, policy.initial()).action
    with pytest.raises(BundleError, match='encoder.onnx'):
        OnnxPolicy(damaged)
    np.testing.assert_array_equal(policy.step(WHITE, None, policy.initial()).action, before)


def test_two_loads_give_the_same_bits(bundle, policy):
    other, state, twin = OnnxPolicy(bundle, threads=2), policy.initial(), policy.initial()
    images = selftest()['image_front']
    for image in images:
        step = policy.step({'front': image}, None, state)
        same = other.step({'front': image}, None, twin)
        np.testing.assert_array_equal(step.action, same.action)
        state, twin = step.state, same.state


def test_the_zero_policy_asks_for_no_motion():
    policy: Policy = ZeroPolicy(SPEC)
    step = policy.step({}, None, policy.initial())
    np.testing.assert_array_equal(step.action, np.zeros(3, np.float32))
    assert (step.action.dtype, step.disagreement, policy.hash, policy.spec) == (
        np.float32,
        0.0,
        'zero',
        SPEC,
    )


def test_the_random_policy_repeats_with_its_seed_and_stays_in_range():
    def draws(seed):
        policy: Policy = RandomPolicy(SPEC, seed)
        state = policy.initial()
        return np.stack([policy.step({}, None, state).action for _ in range(200)])

    np.testing.assert_array_equal(draws(1), draws(1))
    assert (draws(1) != draws(2)).all()
    assert draws(1).dtype == np.float32
    assert -1 <= draws(1).min() < -0.9 < 0.9 < draws(1).max() <= 1
