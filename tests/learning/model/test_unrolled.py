"""A layer in a loop: the same numbers as the layer itself, one gradient for all steps."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from moto_learning.model.unrolled import unrolled
from tests.learning.operations import Operations


@pytest.fixture(params=[True, False])
def layer(request):
    torch.manual_seed(0)
    return nn.Linear(5, 5, bias=request.param).double()


def looped(step, x, times=4):
    for _ in range(times):
        x = torch.tanh(step(x))
    return x.square().sum()


def gradients(step, layer):
    x = torch.linspace(-1, 1, 15).double().reshape(3, 5).requires_grad_()
    layer.zero_grad()
    looped(step, x).backward()
    return [x.grad, *(parameter.grad.clone() for parameter in layer.parameters())]


def test_values_and_gradients_are_the_layers_own(layer):
    x = torch.randn(2, 3, 5).double()
    assert torch.equal(unrolled(layer)(x), layer(x))
    for found, expected in zip(gradients(unrolled(layer), layer), gradients(layer, layer)):
        torch.testing.assert_close(found, expected)


def test_the_weights_gradient_is_one_product_over_all_steps(layer):
    with FlopCounterMode(display=False) as counter:
        gradients(unrolled(layer), layer)
    counts = counter.get_flop_counts()['Global']
    # 2 * 3 * 5 * 5 a step: four times forward, four times to x, and the sum of four at once
    assert sum(counts.values()) == 12 * 150
    out = looped(unrolled(layer), torch.ones(3, 5).double())
    with Operations(product) as products:
        out.backward()
    assert sorted(products.seen) == [(3, 5)] * 3 + [(5, 12)]  # none for the first x


def product(function, args, kwargs, found):
    """Says the shape of a product's first factor."""
    return tuple(args[0].shape) if function.overloadpacket is torch.ops.aten.mm else None


def test_a_frozen_layer_passes_gradients_on_and_takes_none(layer):
    layer.requires_grad_(False)
    x = torch.ones(3, 5).double().requires_grad_()
    looped(unrolled(layer), x).backward()
    assert x.grad.abs().sum() > 0 and all(p.grad is None for p in layer.parameters())
    with torch.no_grad():
        assert not unrolled(layer)(x).requires_grad


def test_a_loop_that_reaches_no_loss_gives_no_gradient(layer):
    step = unrolled(layer)
    step(torch.ones(3, 5).double())
    x = torch.ones(3, 5).double().requires_grad_()
    (x.sum() + 0 * unrolled(layer)(x).sum()).backward()
    assert layer.weight.grad.abs().sum() == 0


def test_under_autocast_the_weight_is_cast_once_and_its_gradient_is_whole():
    layer = nn.Linear(5, 5)
    with torch.autocast('cpu', torch.bfloat16, cache_enabled=False), Operations(cast) as casts:
        step = unrolled(layer)
        out = looped(step, torch.linspace(-1, 1, 15).reshape(3, 5))
    out.backward()
    assert [shape for shape in casts.seen if shape == (5, 5)] == [(5, 5)]
    assert layer.weight.grad.dtype == torch.float32
    found = layer.weight.grad.clone()
    layer.zero_grad()
    looped(layer, torch.linspace(-1, 1, 15).reshape(3, 5)).backward()
    torch.testing.assert_close(found, layer.weight.grad, rtol=0.05, atol=0.02)


def cast(function, args, kwargs, found):
    """Says the shape of what is turned into bfloat16."""
    return tuple(args[0].shape) if kwargs.get('dtype') is torch.bfloat16 else None


def test_a_loop_gone_through_twice_counts_twice(layer):
    x = torch.ones(3, 5).double()
    looped(layer, x).backward()
    once = layer.weight.grad.clone()
    layer.zero_grad()
    loss = looped(unrolled(layer), x)
    loss.backward(retain_graph=True)
    loss.backward()
    torch.testing.assert_close(layer.weight.grad, 2 * once)
