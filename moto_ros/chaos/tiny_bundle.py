"""A bundle of a few numbers, for faults and tests: real ONNX files, worked by hand.

embed = mean of all pixels / 255 (+ sum of the proprioception)            (1, 1)
keep = 1 - is_first
next_deter = 0.5 * keep * deter + embed                                    (1, 1)
next_stoch = [1, 0] where embed > 0.5 else [0, 1]                          (1, 2)
action = tanh(next_deter) * ones(A) + 0.1 * keep * previous_action         (1, A)
disagreement = |embed|                                                      (1,)
surprise = 10 * keep * |embed - deter|                                      (1,)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from moto_core.policy.bundle import write_bundle
from moto_core.policy.manifest import Manifest
from moto_core.policy.signature import Tensor, encoder_signature, policy_signature
from moto_core.spec import CameraSpec, Spec

SPEC = Spec(
    joints=['a', 'b'],
    action_scale=[1.0, 1.0, 0.1],
    gripper=['g'],
    rate=12.5,
    cameras={'front': CameraSpec(height=4, width=6)},
)
STEPS = 50
COMMIT = '0123456789abcdef0123456789abcdef01234567'
EPISODE = '01J00000000000000000000000'


def write_tiny_bundle(folder: Path, spec: Spec = SPEC, **changes: object) -> Path:
    """Writes a good bundle; `changes` replaces encoder, policy, selftest or a manifest's field."""
    parts: dict[str, Any] = {
        'encoder': encoder_onnx(spec),
        'policy': policy_onnx(spec),
        'selftest': selftest(spec),
    }
    parts |= {name: changes.pop(name) for name in list(changes) if name in parts}
    manifest: dict[str, Any] = {
        'spec': spec,
        'git_hash': COMMIT,
        'episodes': [EPISODE],
        'training': {'seed': 0},
        'disagreement_threshold': 0.5,
        **{name.removeprefix('manifest_'): value for name, value in changes.items()},
    }
    return write_bundle(
        folder, parts['encoder'], parts['policy'], Manifest(**manifest), parts['selftest']
    )


def forge(bundle: Path, manifest: bytes | None = None, **files: bytes) -> Path:
    """Rewrites a bundle's files as somebody could who makes every hash fit; returns its path.

    `manifest` is the text of manifest.json; `files` are by their names without suffix.
    """
    text = (bundle / 'manifest.json').read_bytes() if manifest is None else manifest
    if files:
        data = json.loads(text)
        for name, content in files.items():
            full = f'{name}.npz' if name == 'selftest' else f'{name}.onnx'
            (bundle / full).write_bytes(content)
            data['files'][full] = {
                'bytes': len(content),
                'sha256': hashlib.sha256(content).hexdigest(),
            }
        text = json.dumps(data).encode()
    (bundle / 'manifest.json').write_bytes(text)
    return bundle.rename(bundle.parent / hashlib.sha256(text).hexdigest())


def encoder_onnx(spec: Spec = SPEC, opset: int = 18, dtype: str = 'uint8') -> bytes:
    """Returns encoder.onnx as bytes."""
    inputs, nodes = dict(encoder_signature(spec, 1).inputs), []
    for name in spec.cameras:
        inputs[f'image_{name}'] = Tensor(dtype, inputs[f'image_{name}'].shape)
        nodes += [
            helper.make_node('Cast', [f'image_{name}'], [f'{name}_f'], to=TensorProto.FLOAT),
            helper.make_node('ReduceMean', [f'{name}_f', 'pixel_axes'], [f'{name}_m'], keepdims=0),
            helper.make_node('Div', [f'{name}_m', 'c255'], [f'{name}_e']),
        ]
    terms = [f'{name}_e' for name in spec.cameras]
    if spec.proprioception_size:
        nodes.append(helper.make_node('ReduceSum', ['proprioception', 'one'], ['p'], keepdims=0))
        terms.append('p')
    nodes += [
        helper.make_node('Sum', terms, ['sum']),
        helper.make_node('Reshape', ['sum', 'shape'], ['embed']),
    ]
    return _model(
        nodes,
        inputs,
        {'embed': Tensor('float32', (1, 1))},
        {
            'pixel_axes': np.array([1, 2, 3], np.int64),
            'one': np.array([1], np.int64),
            'c255': np.float32(255),
            'shape': np.array([1, 1], np.int64),
        },
        opset,
    )


def policy_onnx(spec: Spec = SPEC, value: float = 1.0) -> bytes:
    """Returns policy.onnx as bytes; `value` multiplies the action."""
    signature = policy_signature(spec, 1, 1, 2)
    make = helper.make_node
    nodes = [
        make('Sub', ['one', 'is_first'], ['keep']),
        make('Mul', ['deter', 'keep'], ['d']),
        make('Mul', ['d', 'half'], ['dd']),
        make('Add', ['dd', 'embed'], ['next_deter']),
        make('Mul', ['stoch', 'zero'], ['s']),
        make('Greater', ['embed', 'half'], ['high']),
        make('Where', ['high', 'left', 'right'], ['pick']),
        make('Add', ['pick', 's'], ['next_stoch']),
        make('Tanh', ['next_deter'], ['t']),
        make('Mul', ['t', 'gain'], ['ta']),
        make('Mul', ['previous_action', 'keep'], ['p']),
        make('Mul', ['p', 'tenth'], ['pp']),
        make('Add', ['ta', 'pp'], ['action']),
        make('Abs', ['embed'], ['u']),
        make('Reshape', ['u', 'shape'], ['disagreement']),
        make('Sub', ['embed', 'deter'], ['e']),
        make('Abs', ['e'], ['off']),
        make('Mul', ['off', 'keep'], ['kept']),
        make('Mul', ['kept', 'ten'], ['tens']),
        make('Reshape', ['tens', 'shape'], ['surprise']),
    ]
    return _model(
        nodes,
        signature.inputs,
        signature.outputs,
        {
            'one': np.array([1], np.float32),
            'half': np.array([0.5], np.float32),
            'zero': np.array([0], np.float32),
            'tenth': np.array([0.1], np.float32),
            'ten': np.array([10], np.float32),
            'left': np.array([[1, 0]], np.float32),
            'right': np.array([[0, 1]], np.float32),
            'shape': np.array([1], np.int64),
            'gain': np.full((1, spec.action_size), value, np.float32),
        },
    )


def selftest(spec: Spec = SPEC) -> dict[str, np.ndarray]:
    """Returns 50 steps worked in numpy from a state that is not zero."""
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {
        f'image_{name}': random.integers(0, 256, (STEPS, c.height, c.width, 3), np.uint8)
        >> random.integers(0, 3, (STEPS, 1, 1, 1), np.uint8)
        for name, c in spec.cameras.items()
    }
    embed = sum(
        arrays[f'image_{name}'].astype(np.float64).mean((1, 2, 3)) / 255 for name in spec.cameras
    )
    if spec.proprioception_size:
        arrays['proprioception'] = random.normal(size=(STEPS, spec.proprioception_size)).astype(
            np.float32
        )
        embed = embed + arrays['proprioception'].astype(np.float64).sum(1)
    deter, action, rows = 7.0, np.full(spec.action_size, 3.0), []
    for t in range(STEPS):
        keep = float(t > 0)
        surprise = 10 * keep * abs(embed[t] - deter)
        deter = 0.5 * keep * deter + embed[t]
        action = np.tanh(deter) + 0.1 * keep * action
        rows.append((action, deter, surprise))
    arrays |= {
        'is_first': np.eye(1, STEPS)[0],
        'deter': np.full((1, 1), 7.0),
        'stoch': np.ones((1, 2)),
        'previous_action': np.full((1, spec.action_size), 3.0),
        'action': np.stack([row[0] for row in rows]),
        'next_deter': np.stack([[row[1]] for row in rows]),
        'next_stoch': np.stack([embed > 0.5, embed <= 0.5], -1),
        'disagreement': np.abs(embed),
        'surprise': np.array([row[2] for row in rows]),
    }
    return {
        name: array if array.dtype == np.uint8 else array.astype(np.float32)
        for name, array in arrays.items()
    }


def _model(
    nodes: Sequence[Any],
    inputs: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    constants: Mapping[str, Any],
    opset: int = 18,
) -> bytes:
    def info(tensors: Mapping[str, Tensor]) -> list[Any]:
        return [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype)), tensor.shape
            )
            for name, tensor in tensors.items()
        ]

    graph = helper.make_graph(
        nodes,
        'tiny',
        info(inputs),
        info(outputs),
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)])
    model.ir_version = 10
    onnx.checker.check_model(model) if opset == 18 else None
    return model.SerializeToString()
