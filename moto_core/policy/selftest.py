"""A bundle's self-test: the steps that its exporter ran, run again where it is loaded.

In: a policy's step and selftest.npz, which holds under the networks' own names
    'deter', 'stoch', 'previous_action' (1, ...)    the state before step 0 (is_first resets it)
    'is_first' (T,), 'image_<camera>' (T, h, w, 3), 'proprioception' (T, P)            inputs
    'action', 'next_deter', 'next_stoch' (T, ...), 'disagreement' (T,)                  expected
Out: SelfTest, or BundleError. The state is carried over all T steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from moto_core.errors import BundleError
from moto_core.policy.bundle import Bundle
from moto_core.policy.onnx_session import REFUSALS
from moto_core.policy.signature import Tensor, tensor_mismatches

STATE = {'deter': 'deter', 'stoch': 'stoch', 'action': 'previous_action'}


class SelfTest(NamedTuple):
    """What the self-test measured."""

    error: float  # largest |got - expected| / max(1, |expected|)
    latency: float  # [s] 90th percentile of a step
    steps: int


def run_selftest(step: Callable[..., Any], bundle: Bundle, latency_limit: float) -> SelfTest:
    """Calls a policy's `step` through the bundle's self-test; returns its error and latency.

    Raises BundleError naming the step, output and values where an error exceeds the manifest's
    tolerance, where the file lacks an array, or where the latency [s] exceeds its limit.
    """
    arrays, tolerance = bundle.selftest, bundle.manifest.tolerance
    steps = _check_arrays(bundle)
    state = {name: arrays[key] for name, key in STATE.items()}
    worst, seconds = 0.0, []
    for t in range(steps):
        state['is_first'] = arrays['is_first'][t : t + 1]
        images = {name: arrays[f'image_{name}'][t] for name in bundle.manifest.spec.cameras}
        joints = arrays['proprioception'][t] if 'proprioception' in arrays else None
        begin = time.perf_counter()
        try:
            result = step(images, joints, state)
        except REFUSALS as error:
            raise BundleError(
                f"bundle '{bundle.path}': step {t} of the self-test fails: "
                f'{" ".join(str(error).split())}'
            ) from error
        seconds.append(time.perf_counter() - begin)
        state = result.state
        for name, got in _outputs(result).items():
            off = np.abs(got - arrays[name][t]) / np.maximum(1, np.abs(arrays[name][t]))
            if not off.max() <= tolerance:  # also where it is not a number
                at = int(np.argmax(np.nan_to_num(off, nan=np.inf)))
                raise BundleError(
                    f"bundle '{bundle.path}': self-test differs at step {t} in '{name}'[{at}]: "
                    f'expected {arrays[name][t].flat[at]:.6g}, got {got.flat[at]:.6g}, '
                    f'tolerance {tolerance:g}'
                )
            worst = max(worst, float(off.max()))
    latency = float(np.percentile(seconds, 90))
    if latency > latency_limit:
        raise BundleError(
            f"bundle '{bundle.path}': a step takes {latency * 1e3:.1f} ms in the "
            f'self-test; expected at most {latency_limit * 1e3:.1f} ms'
        )
    return SelfTest(worst, latency, steps)


def _outputs(result: Any) -> dict[str, np.ndarray]:
    return {
        'action': result.action,
        'disagreement': np.asarray(result.disagreement, np.float32),
        'next_deter': result.state['deter'][0],
        'next_stoch': result.state['stoch'][0],
    }


def _check_arrays(bundle: Bundle) -> int:
    arrays, where = bundle.selftest, bundle.path / 'selftest.npz'
    encoder, policy = bundle.manifest.encoder, bundle.manifest.policy
    is_first = arrays.get('is_first', np.zeros(0))
    if is_first.ndim != 1 or not is_first.size or is_first[0] != 1:
        raise BundleError(
            f"'{where}': expected 'is_first' (T,) to start with 1, "
            f'got {is_first.shape} {is_first.ravel()[:1].tolist()}'
        )
    each_step = {**encoder.inputs, **policy.outputs, 'is_first': policy.inputs['is_first']}
    expected = {
        name: Tensor(tensor.dtype, (len(is_first), *tensor.shape[1:]))
        for name, tensor in each_step.items()
    }
    expected |= {key: policy.inputs[key] for key in STATE.values()}
    found = {name: Tensor(array.dtype.name, array.shape) for name, array in arrays.items()}
    wrong = tensor_mismatches('array', expected, found)
    if wrong:
        raise BundleError(f"'{where}': {'; '.join(wrong)}")
    return len(is_first)
