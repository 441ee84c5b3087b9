"""A network of a bundle as ONNX, with its contract in the file.

In: a module of moto_learning/agents/policy_graph.py. Out: its bytes.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from onnx import ModelProto
from torch import nn

from moto_core.policy.signature import Signature
from moto_core.spec import Spec

OPSET = 20


def to_onnx(module: nn.Module, signature: Signature, spec: Spec) -> bytes:
    """Returns a module as ONNX with the inputs and outputs of `signature`.

    The file holds its weights, and its contract (spec hash, rate, joints) as metadata; nothing in
    it tells of this machine, and the same module gives the same bytes.
    """
    inputs = tuple(
        torch.zeros(tensor.shape, dtype=getattr(torch, tensor.dtype))
        for tensor in signature.inputs.values()
    )
    with warnings.catch_warnings(), _quiet('torch.onnx'):
        # torch.export's own deep copy runs into a deprecation of torch's own (2.13)
        warnings.filterwarnings('ignore', r'.*isinstance\(treespec, LeafSpec\)', FutureWarning)
        program = torch.onnx.export(
            module.eval(),
            inputs,
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
            input_names=list(signature.inputs),
            output_names=list(signature.outputs),
        )
    assert program is not None
    model = program.model_proto
    _strip(model)
    contract = {
        'spec': spec.hash,
        'rate': spec.rate,
        'names': spec.names,
        'action_scale': spec.action_scale,
        **signature.to_dict(),
    }
    entry = model.metadata_props.add()
    entry.key, entry.value = 'moto', json.dumps(contract, sort_keys=True)
    return model.SerializeToString(deterministic=True)


def _strip(model: ModelProto) -> None:
    graph = model.graph
    for part in (
        graph,
        *graph.node,
        *graph.value_info,
        *graph.input,
        *graph.output,
        *graph.initializer,
    ):
        part.ClearField('metadata_props')
        part.ClearField('doc_string')


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keeps a logger's warnings (of a missing torchvision) to itself."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
