"""What goes into and comes out of the two networks of a bundle: names, dtypes, shapes.

In: a Spec and the sizes of the recurrent state. Out: Signatures, and every difference between two.
Stored nowhere but in the ONNX files, which declare their inputs and outputs themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moto_core.spec import Spec

STATE = ('deter', 'stoch', 'previous_action')
"""What is carried from step to step, besides is_first, which says that it counts as zero."""


@dataclass(frozen=True)
class Tensor:
    """One input or output: a numpy dtype name and a fixed shape."""

    dtype: str
    shape: tuple[int, ...]  # a str or None if a file leaves an axis open

    def __str__(self) -> str:
        """Returns for example 'uint8 (1, 64, 64, 3)'."""
        return f'{self.dtype} {self.shape}'


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of one network, by name."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


def encoder_signature(spec: Spec, embed: int) -> Signature:
    """Returns what encoder.onnx of a policy for `spec` takes and gives; `embed` is E."""
    inputs = {
        f'image_{name}': Tensor('uint8', (1, camera.height, camera.width, 3))
        for name, camera in spec.cameras.items()
    }
    if spec.proprioception_size:
        inputs['proprioception'] = _float(1, spec.proprioception_size)
    return Signature(inputs, {'embed': _float(1, embed)})


def policy_signature(spec: Spec, embed: int, deter: int, stoch: int) -> Signature:
    """Returns what policy.onnx takes and gives; the sizes are E, D and S*K."""
    inputs = {
        'embed': _float(1, embed),
        'deter': _float(1, deter),
        'stoch': _float(1, stoch),
        'previous_action': _float(1, spec.action_size),
        'is_first': _float(1),
    }
    outputs = {
        'action': _float(1, spec.action_size),
        'next_deter': _float(1, deter),
        'next_stoch': _float(1, stoch),
        'disagreement': _float(1),
        'surprise': _float(1),
    }
    return Signature(inputs, outputs)


def signature_mismatches(where: str, expected: Signature, found: Signature) -> list[str]:
    """Lists every missing, unexpected and different input and output of `found`."""
    return [
        *tensor_mismatches(f'{where} input', expected.inputs, found.inputs),
        *tensor_mismatches(f'{where} output', expected.outputs, found.outputs),
    ]


def tensor_mismatches(
    where: str, expected: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> list[str]:
    """Lists every name that is missing, unexpected or of another dtype or shape."""
    return [
        f"{where} '{name}': expected {expected.get(name, 'nothing')}, "
        f'got {found.get(name, "nothing")}'
        for name in dict.fromkeys([*expected, *found])
        if expected.get(name) != found.get(name)
    ]


def _float(*shape: int) -> Tensor:
    return Tensor('float32', shape)
