"""The two networks of a bundle as ONNX: encoder and policy with batch 1, state in and out.

    image_<camera> uint8, proprioception  ->  encoder.onnx  ->  embed
    embed, deter, stoch, previous_action, is_first  ->  policy.onnx
        ->  action, next_deter, next_stoch, disagreement

In: an Agent. Out: torch modules that take and give exactly that, and their ONNX bytes.
Deterministic: the mode of the posterior, the mode of the policy.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from onnx import ModelProto
from torch import Tensor, nn

from moto_core.errors import BundleError
from moto_core.policy.signature import Signature
from moto_core.spec import Spec
from moto_learning.agents.actor_critic import Actor
from moto_learning.agents.decide import Decision, decide
from moto_learning.agents.moto import Agent
from moto_learning.config import PenaltyConfig
from moto_learning.model.networks import Encoder
from moto_learning.model.rssm import EnsembleRSSM, State

OPSET = 20
Net = TypeVar('Net', bound=nn.Module)


class EncoderGraph(nn.Module):
    """encoder.onnx: the cameras in the spec's order, then proprioception where there is one."""

    def __init__(self, encoder: Encoder, spec: Spec) -> None:
        super().__init__()
        self.encoder, self.cameras = _frozen_copy(encoder), list(spec.cameras)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Returns embed (1, E)."""
        images = dict(zip(self.cameras, inputs))
        vector = inputs[len(images)] if len(inputs) > len(images) else None
        return self.encoder(images, vector)


class PolicyGraph(nn.Module):
    """policy.onnx: filters the observation in, chooses the action, asks the ensemble of it."""

    def __init__(self, rssm: EnsembleRSSM, actor: Actor, penalty: PenaltyConfig) -> None:
        super().__init__()
        self.rssm, self.actor, self.penalty = _frozen_copy(rssm), _frozen_copy(actor), penalty

    def forward(
        self,
        embed: Tensor,
        deter: Tensor,
        stoch: Tensor,
        previous_action: Tensor,
        is_first: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns action, next_deter, next_stoch, disagreement."""
        decision = self.step(embed, deter, stoch, previous_action, is_first)
        return decision.action, decision.post.deter, decision.post.stoch, decision.disagreement

    def step(
        self,
        embed: Tensor,
        deter: Tensor,
        stoch: Tensor,
        previous_action: Tensor,
        is_first: Tensor,
    ) -> Decision:
        """Returns the decision at the posterior's mode."""
        logit = stoch.unflatten(-1, (self.rssm.config.stoch, self.rssm.config.classes))
        post = self.rssm.obs_step(State(deter, stoch, logit), previous_action, embed, is_first)
        return decide(self.rssm, self.actor, self.penalty, post)


def graphs(agent: Agent) -> tuple[EncoderGraph, PolicyGraph]:
    """Returns copies of the agent's networks on the processor, without gradients.

    Raises BundleError for an agent that acts on samples of the posterior: a bundle has no noise.
    """
    act_on = agent.config.actor_critic.actor.act_on
    if act_on != 'mode':
        raise BundleError(
            f"actor_critic.actor.act_on is '{act_on}'; a bundle acts on the posterior's 'mode': "
            'set it with moto-train --resume RUNDIR actor_critic.actor.act_on=mode, then export'
        )
    model = agent.world_model
    return (
        EncoderGraph(model.encoder, agent.spec),
        PolicyGraph(model.rssm, agent.actor, agent.config.actor_critic.penalty),
    )


def to_onnx(module: nn.Module, signature: Signature) -> bytes:
    """Returns a module as ONNX with the inputs and outputs of `signature`.

    The file holds its weights, and nothing of this machine; the same module gives the same bytes.
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
    return model.SerializeToString(deterministic=True)


def _frozen_copy(module: Net) -> Net:
    return copy.deepcopy(module).cpu().eval().requires_grad_(False)


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
