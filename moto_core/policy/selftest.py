"""A bundle's self-test: the steps that its exporter ran, run again where it is loaded.

In: a policy's step and selftest.npz, which holds under the networks' own names
    'deter', 'stoch', 'previous_action' (1, ...)    the state before step 0 (is_first resets it)
    'is_first' (T,), 'image_<camera>' (T, h, w, 3), 'proprioception' (T, P)            inputs
    'action', 'next_deter', 'next_stoch' (T, ...), 'disagreement', 'surprise' (T,)      expected
Out: SelfTest, or BundleError. The state is carried over all T steps. The arrays must be those that
the networks' signatures ask for, and their sizes are known before any is unpacked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from moto_core.errors import BundleError, one_line
from moto_core.policy.arrays import declared_arrays, unpack_arrays
from moto_core.policy.bundle import Bundle
from moto_core.policy.onnx_session import REFUSALS
from moto_core.policy.signature import STATE, Signature, Tensor, tensor_mismatches

MAX_STEPS = 1000  # T
MAX_BYTES = 1 << 28  # of all arrays, unpacked
TERMS = {'surprise': 10.0}  # a sum over categories [nats], whose roundings add up


class SelfTest(NamedTuple):
    """What the self-test measured."""

    error: float  # largest |got - expected| / max(1, |expected|), a tenth of the surprise's
    latency: float  # [s] 90th percentile of a step
    steps: int


def run_selftest(
    step: Callable[..., Any],
    bundle: Bundle,
    encoder: Signature,
    policy: Signature,
    latency_limit: float,
) -> SelfTest:
    """Calls a policy's `step` through the bundle's self-test; returns its error and latency.

    `encoder` and `policy` are the signatures of its networks.
    Raises BundleError naming the step, output and values if an error exceeds the manifest's
    tolerance, if the arrays are not those of the networks, or if the latency [s] exceeds its
    limit.
    """
    try:
        arrays = read_selftest(bundle.selftest, encoder, policy)
    except BundleError as error:
        raise BundleError(f"'{bundle.path / 'selftest.npz'}': {error}") from error
    tolerance, worst, seconds = bundle.manifest.tolerance, 0.0, []
    state = {name: arrays[name] for name in STATE}
    for t in range(len(arrays['is_first'])):
        state['is_first'] = arrays['is_first'][t : t + 1]
        images = {name: arrays[f'image_{name}'][t] for name in bundle.manifest.spec.cameras}
        joints = arrays['proprioception'][t] if 'proprioception' in arrays else None
        begin = time.perf_counter()
        try:
            result = step(images, joints, state)
            seconds.append(time.perf_counter() - begin)
            outputs = _outputs(result)
        except (*REFUSALS, IndexError, TypeError) as error:  # outputs of another shape, too
            raise BundleError(
                f"bundle '{bundle.path}': step {t} of the self-test fails: {one_line(error)}"
            ) from error
        state = result.state
        for name, got in outputs.items():
            where = f"bundle '{bundle.path}': self-test differs at step {t} in '{name}'"
            terms = TERMS.get(name, 1.0)
            worst = max(worst, _difference(where, got, arrays[name][t], tolerance, terms))
    latency = float(np.percentile(seconds, 90))
    if latency > latency_limit:
        raise BundleError(
            f"bundle '{bundle.path}': a step takes {latency * 1e3:.1f} ms in the "
            f'self-test; expected at most {latency_limit * 1e3:.1f} ms: end what '
            'else this computer does, or take a faster one or a smaller policy'
        )
    return SelfTest(worst, latency, len(seconds))


def read_selftest(content: bytes, encoder: Signature, policy: Signature) -> dict[str, np.ndarray]:
    """Returns the arrays of selftest.npz, T steps of what the networks take and give.

    Raises BundleError, without the file's path, if others are there, or over MAX_BYTES.
    """
    found = declared_arrays(content)
    is_first = found.get('is_first', Tensor('nothing', ()))
    if len(is_first.shape) != 1 or not 1 <= is_first.shape[0] <= MAX_STEPS:
        raise BundleError(f"expected 'is_first' (T,) with T in [1, {MAX_STEPS}], got {is_first}")
    expected = _expected(is_first.shape[0], encoder, policy)
    wrong = tensor_mismatches('array', expected, found)
    if wrong:
        raise BundleError(one_line('; '.join(wrong), 4000))
    size = sum(prod(part.shape) * np.dtype(part.dtype).itemsize for part in expected.values())
    if size > MAX_BYTES:
        raise BundleError(f'the arrays have {size} bytes; expected at most {MAX_BYTES}')
    arrays = unpack_arrays(content, expected)
    if arrays['is_first'][0] != 1:
        raise BundleError(f"expected 'is_first' to start with 1, got {arrays['is_first'][0]}")
    return arrays


def _outputs(result: Any) -> dict[str, np.ndarray]:
    return {
        'action': result.action,
        'disagreement': np.asarray(result.disagreement, np.float32),
        'surprise': np.asarray(result.surprise, np.float32),
        'next_deter': result.state['deter'][0],
        'next_stoch': result.state['stoch'][0],
    }


def _difference(
    where: str, got: np.ndarray, expected: np.ndarray, tolerance: float, terms: float
) -> float:
    """Returns the largest error of one output, of each of so many terms that it is the sum of.

    Raises BundleError if it is above `tolerance`.
    """
    if got.shape != expected.shape:
        raise BundleError(f'{where}: expected shape {expected.shape}, got {got.shape}')
    with np.errstate(all='ignore'):  # of values that are not finite, which are refused here
        off = np.abs(got - expected) / np.maximum(1, np.abs(expected)) / terms
    if not off.max() <= tolerance:  # also if it is not a number
        at = int(np.argmax(np.nan_to_num(off, nan=np.inf)))
        raise BundleError(
            f'{where}[{at}]: expected {expected.flat[at]:.6g}, got {got.flat[at]:.6g}, '
            f'tolerance {tolerance * terms:g}'
        )
    return float(off.max())


def _expected(steps: int, encoder: Signature, policy: Signature) -> dict[str, Tensor]:
    each_step = {**encoder.inputs, **policy.outputs, 'is_first': policy.inputs['is_first']}
    return {
        **{
            name: Tensor(tensor.dtype, (steps, *tensor.shape[1:]))
            for name, tensor in each_step.items()
        },
        **{name: policy.inputs[name] for name in STATE},
    }
