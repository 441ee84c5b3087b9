"""No tensor of a network may keep its data in another file, wherever in the network it is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, ModelProto, SparseTensorProto, TensorProto, helper

from moto_core.errors import BundleError
from moto_core.policy import onnx_file
from moto_core.policy.onnx_file import PARTS, refuse_external_data
from moto_core.policy.policy import OnnxPolicy
from moto_ros.chaos.tiny_bundle import encoder_onnx, policy_onnx, write_tiny_bundle


def external(name: str = 'w', shape: tuple[int, ...] = (3,)) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key='location', value='secret.bin')
    return tensor


def sparse(**parts: TensorProto) -> SparseTensorProto:
    tensor = SparseTensorProto(dims=[1, 3])
    tensor.values.CopyFrom(parts.get('values', TensorProto(name='v')))
    tensor.indices.CopyFrom(parts.get('indices', TensorProto(name='i')))
    return tensor


def graph(*tensors: TensorProto) -> onnx.GraphProto:
    return onnx.GraphProto(name='inner', initializer=tensors)


def attribute(**value: object) -> AttributeProto:
    return AttributeProto(name='value', **value)


def in_node(model: ModelProto, **value: object) -> None:
    model.graph.node.add(op_type='X').attribute.append(attribute(**value))


def in_nested_branch(model: ModelProto) -> None:
    inner = onnx.GraphProto(name='outer')
    inner.node.add(op_type='If').attribute.append(attribute(g=graph(external())))
    in_node(model, g=inner)


PLACES: dict[str, Callable[[ModelProto], object]] = {
    'an initializer': lambda model: model.graph.initializer.append(external()),
    'a constant': lambda model: in_node(model, t=external()),
    'a list of constants': lambda model: in_node(model, tensors=[external()]),
    'a branch': lambda model: in_node(model, g=graph(external())),
    'a list of branches': lambda model: in_node(model, graphs=[graph(), graph(external())]),
    'a branch of a branch': in_nested_branch,
    'sparse values': lambda model: model.graph.sparse_initializer.append(
        sparse(values=external())
    ),
    'sparse indices': lambda model: in_node(model, sparse_tensor=sparse(indices=external())),
    'a list of sparse tensors': lambda model: in_node(
        model, sparse_tensors=[sparse(), sparse(values=external())]
    ),
    'a function': lambda model: (
        model.functions.add(name='f').node.add().attribute.append(attribute(t=external()))
    ),
    "a function's default": lambda model: model.functions.add(name='f').attribute_proto.append(
        attribute(t=external())
    ),
    'the training graph': lambda model: model.training_info.add().algorithm.CopyFrom(
        graph(external())
    ),
    'the training start': lambda model: model.training_info.add().initialization.CopyFrom(
        graph(external())
    ),
}


def model_with(place: str) -> bytes:
    model = onnx.load_from_string(policy_onnx())
    PLACES[place](model)
    return model.SerializeToString()


def outside(folder: Path) -> bytes:
    """Writes a file and returns a good policy.onnx that keeps one of its tensors there."""
    size = 64  # smaller ones onnxruntime looks at before it knows where they are
    (folder / 'secret.bin').write_bytes(np.zeros((2, size), np.float32).tobytes())
    model = onnx.load_from_string(policy_onnx())
    model.graph.initializer.append(external('elsewhere', (2, size)))
    node = next(node for node in model.graph.node if list(node.input) == ['stoch', 'zero'])
    node.CopyFrom(helper.make_node('ReduceSum', ['wide', 'shape'], ['s'], keepdims=1))
    model.graph.node.insert(0, helper.make_node('MatMul', ['stoch', 'elsewhere'], ['wide']))
    return model.SerializeToString()


def test_a_bundle_whose_data_lies_outside_is_refused_though_onnxruntime_would_open_it(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    model = outside(tmp_path)
    onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])  # opens secret.bin
    bundle = write_tiny_bundle(tmp_path / 'bundles', policy=model)
    with pytest.raises(BundleError, match=r"policy\.onnx' keeps a tensor's data in another file"):
        OnnxPolicy(bundle)


@pytest.mark.parametrize('place', PLACES)
def test_external_data_is_found_in(place):
    with pytest.raises(BundleError, match="'x.onnx' keeps a tensor's data in another file"):
        refuse_external_data('x.onnx', model_with(place))


@pytest.mark.parametrize('mark', ['data_location', 'external_data'])
def test_each_mark_of_external_data_suffices(mark):
    model = onnx.load_from_string(policy_onnx())
    tensor = model.graph.initializer.add(name='w')
    if mark == 'data_location':
        tensor.data_location = TensorProto.EXTERNAL
    else:
        tensor.external_data.add(key='location', value='*/_ORT_MEM_ADDR_/*')
    with pytest.raises(BundleError, match='another file'):
        refuse_external_data('x.onnx', model.SerializeToString())


def test_a_network_with_its_data_inside_is_taken():
    model = onnx.load_from_string(policy_onnx())
    for tensor in model.graph.initializer:
        tensor.data_location = TensorProto.DEFAULT
    model.graph.initializer.add(name='large', raw_data=b'\x6a\x02hi' * 1000)
    for content in (policy_onnx(), encoder_onnx(), model.SerializeToString(), b''):
        refuse_external_data('x.onnx', content)


def test_every_message_of_onnx_that_can_reach_a_tensor_is_looked_into():
    """Compared with onnx's own description, so that a field of a newer version is not missed."""
    expected: dict[str, dict[int, str]] = {}
    waiting = [onnx.ModelProto.DESCRIPTOR]
    while waiting:
        message = waiting.pop()
        parts = {f.number: f.message_type for f in message.fields if f.message_type is not None}
        expected[message.name] = {number: part.name for number, part in parts.items()}
        waiting += [part for part in parts.values() if part.name not in expected]
    reaches = {'TensorProto'}
    for _ in expected:
        reaches |= {name for name, parts in expected.items() if reaches & set(parts.values())}
    assert {
        name.removesuffix('Proto'): {
            number: part.removesuffix('Proto')
            for number, part in expected[name].items()
            if part in reaches and name != 'TensorProto'
        }
        for name in reaches
    } == PARTS


@pytest.mark.parametrize(
    'content, message',
    [
        (b'\x3a\x7f', 'field of 127 bytes at byte 2 passes the end'),
        (b'\x3a', 'number at byte 1 passes the end'),
        (b'\x08' + b'\xff' * 11, 'number of over 10 bytes'),
        (b'\x0b\x0c', 'wire type 3 at byte 1'),
        (b'\xba\x80\x80\x80\x10\x00', 'tag of 4294967354 at byte 5'),  # else read as a graph
        (b'\x09\x00', 'field of 8 bytes at byte 1 passes the end'),
        (b'\x0d\x00', 'field of 4 bytes at byte 1 passes the end'),
    ],
)
def test_what_is_no_message_is_refused_with_the_place(content, message):
    with pytest.raises(BundleError, match=f"'x.onnx' is not an ONNX network: .*{message}"):
        refuse_external_data('x.onnx', content)


def test_a_field_does_not_reach_past_its_message():
    content = b'\x3a\x02\x0a\x04' + b'\x08\x01' * 2  # a graph of 2 bytes whose node claims 4
    with pytest.raises(BundleError, match='field of 4 bytes at byte 4 passes the end'):
        refuse_external_data('x.onnx', content)


def test_a_file_of_endless_fields_is_refused(monkeypatch):
    monkeypatch.setattr(onnx_file, 'MAX_FIELDS', 1000)
    refuse_external_data('x.onnx', b'\x08\x01' * 1000)
    with pytest.raises(BundleError, match='more than 1000 fields'):
        refuse_external_data('x.onnx', b'\x08\x01' * 1001)


@settings(max_examples=300, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_what_onnx_reads_as_external_is_refused_whatever_byte_is_changed(where, flip):
    content = bytearray(model_with('a branch of a branch'))
    content[int(where * len(content))] ^= flip
    try:
        model = onnx.load_from_string(bytes(content))
    except DecodeError:
        return
    if b'secret.bin' in model.SerializeToString() and _reachable(model):
        with pytest.raises(BundleError):
            refuse_external_data('x.onnx', bytes(content))


def _reachable(message) -> bool:
    if message.DESCRIPTOR.name == 'TensorProto':
        return bool(message.external_data) or message.data_location != 0
    return any(
        _reachable(part)
        for field, value in message.ListFields()
        if field.message_type is not None
        for part in (value if hasattr(value, 'add') else [value])
    )
