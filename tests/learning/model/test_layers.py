import pytest
import torch
from torch.nn import functional as F

from moto_learning.model.layers import EnsembleLinear, EnsembleMLP, linear


@pytest.mark.parametrize('normalize', [False, True])
def test_the_batched_product_equals_separate_members(normalize):
    torch.manual_seed(0)
    net = EnsembleMLP(4, 5, [6, 7], 3, normalize)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_()
    x = torch.randn(9, 5)
    batched = net(x)  # (4, 9, 3)
    for i in range(4):
        alone = x
        for place, layer in enumerate(net.layers[:-1]):
            alone = alone @ layer.weight[i] + layer.bias[i]
            if normalize:
                mean, variance = alone.mean(1, keepdim=True), alone.var(1, False, keepdim=True)
                norm = net.norms[place]
                alone = (alone - mean) / (variance + 1e-3).sqrt() * norm.scale[i] + norm.offset[i]
            alone = F.elu(alone)
        alone = alone @ net.layers[-1].weight[i] + net.layers[-1].bias[i]
        assert torch.allclose(batched[i], alone, atol=1e-5)
        assert torch.allclose(net.member(x, torch.tensor(i)), alone, atol=1e-5)
    assert not torch.allclose(batched[0], batched[1])


def test_members_take_inputs_of_their_own():
    layer = EnsembleLinear(2, 3, 1)
    with torch.no_grad():
        layer.weight[0], layer.weight[1], layer.bias[1] = 1.0, 2.0, 5.0
    x = torch.tensor([[[1.0, 2.0, 3.0]], [[1.0, 1.0, 1.0]]])  # (M, 1, in)
    assert layer(x).flatten().tolist() == [6.0, 11.0]


def test_members_begin_different_and_within_glorots_bound():
    layer = EnsembleLinear(3, 10, 20)
    assert layer.weight.abs().max() <= (6 / 30) ** 0.5
    assert not torch.equal(layer.weight[0], layer.weight[1])
    assert linear(4, 8, fan_in=28).weight.abs().max() <= (6 / 36) ** 0.5
