"""A layer in a loop: the same numbers as the layer itself, one gradient for all steps."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from moto_learning.model.unrolled import unrolled


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
    calls = []
    with torch.utils._python_dispatch._disable_current_modes():
        step = unrolled(layer)
        out = looped(step, torch.ones(3, 5).double())
        with Products(calls):
            out.backward()
    assert sorted(calls) == [(3, 5)] * 3 + [(5, 12)]  # nothing asks for the first x's gradient


class Products(torch.utils._python_dispatch.TorchDispatchMode):
    """Notes the shape of every product's first factor."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket is torch.ops.aten.mm:
            self.calls.append(tuple(args[0].shape))
        return function(*args, **(kwargs or {}))


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
    layer, casts = nn.Linear(5, 5), []
    with torch.autocast('cpu', torch.bfloat16, cache_enabled=False), Casts(casts):
        step = unrolled(layer)
        out = looped(step, torch.linspace(-1, 1, 15).reshape(3, 5))
    out.backward()
    assert [shape for shape in casts if shape == (5, 5)] == [(5, 5)]
    assert layer.weight.grad.dtype == torch.float32
    found = layer.weight.grad.clone()
    layer.zero_grad()
    looped(layer, torch.linspace(-1, 1, 15).reshape(3, 5)).backward()
    torch.testing.assert_close(found, layer.weight.grad, rtol=0.05, atol=0.02)


class Casts(torch.utils._python_dispatch.TorchDispatchMode):
    """Notes the shape of everything that is turned into bfloat16."""

    def __init__(self, casts):
        super().__init__()
        self.casts = casts

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if (kwargs or {}).get('dtype') is torch.bfloat16:
            self.casts.append(tuple(args[0].shape))
        return function(*args, **(kwargs or {}))


def test_a_loop_gone_through_twice_counts_twice(layer):
    x = torch.ones(3, 5).double()
    looped(layer, x).backward()
    once = layer.weight.grad.clone()
    layer.zero_grad()
    loss = looped(unrolled(layer), x)
    loss.backward(retain_graph=True)
    loss.backward()
    torch.testing.assert_close(layer.weight.grad, 2 * once)
