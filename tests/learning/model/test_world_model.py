import math

import pytest
import torch

from moto_learning.model.networks import moved
from moto_learning.model.world_model import entropy, normal_loss
from tests.learning import tiny_learner as tiny


def parts(*overrides, **kinds):
    model = tiny.agent(*overrides, **kinds).world_model
    return model, model.draw_noise(tiny.BATCH, tiny.LENGTH, torch.Generator().manual_seed(0))


def test_a_unit_normals_loss_is_half_the_squared_distance():
    loss = normal_loss(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]))
    assert loss.tolist() == [0.5 * (1 + 4)]


def test_the_entropy_of_equal_classes_is_the_log_of_their_number():
    assert entropy(torch.zeros(2, 3, 4)).item() == pytest.approx(3 * torch.log(torch.tensor(4.0)))


def test_the_loss_is_the_sum_of_its_terms_with_their_scales():
    model, noise = parts(
        'model.kl.scale=2',
        'model.kl.free=0',
        'model.reward_scale=3',
        'model.image_scale=0.5',
        'model.proprioception_scale=7',
        proprioception=['position'],
    )
    data = tiny.tensors(proprioception=2)
    loss, post, m = model.loss(data, noise)
    expected = (
        2 * m['model/kl']
        + 3 * m['model/reward_loss']
        + 0.5 * m['model/image_loss']
        + 7 * m['model/proprioception_loss']
    )
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert post.deter.shape == (tiny.BATCH, tiny.LENGTH, 8)


def test_the_image_loss_is_summed_over_pixels_and_cameras_and_averaged_over_steps():
    model, noise = parts(cameras=('front', 'wrist'))
    data = tiny.tensors(cameras=('front', 'wrist'))
    _, post, metrics = model.loss(data, noise)
    predicted = model.decoder(post.feat.flatten(0, 1))
    total = 0.0
    for name in ('front', 'wrist'):
        target = data['images'][name].flatten(0, 1).permute(0, 3, 1, 2) / 255 - 0.5
        total += 0.5 * (predicted[name] - target).square().sum((1, 2, 3)).mean().item()
    assert metrics['model/image_loss'].item() == pytest.approx(total, rel=1e-5)


def test_the_kl_is_from_the_posterior_to_the_prior_of_each_steps_member():
    model, noise = parts('model.kl.free=0', 'model.kl.scale=2', 'model.kl.balance=0.75')
    post, priors = [0.7, 0.1, 0.1, 0.1], [[0.25] * 4, [0.1, 0.7, 0.1, 0.1], [0.4, 0.2, 0.2, 0.2]]
    rssm = model.rssm
    with torch.no_grad():  # the same at every step, whatever is seen
        rssm.obs_out.weight.zero_()
        rssm.obs_out.bias.copy_(torch.tensor(post * 3).log())
        rssm.priors.layers[-1].weight.zero_()
        rssm.priors.layers[-1].bias.copy_(torch.tensor([p * 3 for p in priors]).log()[:, None])
    noise = noise._replace(order=torch.tensor([1, 2, 0, 4, 3, 5]))  # members 1, 0, 0, 2, 1
    loss, _, metrics = model.loss(tiny.tensors(), noise)
    # three categoricals; to the members in turn, KL(q || p) = sum q ln (q / p)
    each = [
        3 * (0.7 * math.log(0.7 / 0.25) + 0.3 * math.log(0.1 / 0.25)),
        3 * (0.7 * math.log(0.7 / 0.1) + 0.1 * math.log(0.1 / 0.7)),
        3 * (0.7 * math.log(0.7 / 0.4) + 0.3 * math.log(0.1 / 0.2)),
    ]
    kl = (2 * each[0] + 2 * each[1] + each[2]) / 5
    assert metrics['model/kl'].item() == pytest.approx(kl, rel=1e-5)
    rest = metrics['model/reward_loss'] + metrics['model/image_loss']
    assert (loss - rest).item() == pytest.approx(2 * kl, rel=1e-4)
    loss.backward()
    # d KL / d prior's logits = p - q: 3/4 of it, scaled by 2, of 2, 2 and 1 steps of 5
    steps = torch.tensor([2 / 5, 2 / 5, 1 / 5])[:, None]
    expected = 0.75 * 2 * steps * (torch.tensor(priors) - torch.tensor(post))
    found = rssm.priors.layers[-1].bias.grad[:, 0].unflatten(-1, (3, 4))
    assert torch.allclose(found, expected[:, None].expand(3, 3, 4), atol=1e-5)


def test_decoding_a_part_of_the_images_estimates_the_same_loss():
    whole, noise = parts()
    data = tiny.tensors()
    expected = whole.loss(data, noise)[2]['model/image_loss'].item()
    count = tiny.BATCH * tiny.LENGTH
    ones = [noise._replace(decoded=torch.tensor([i]), images=1.0) for i in range(count)]
    each = [whole.loss(data, one)[2]['model/image_loss'].item() for one in ones]
    assert sum(each) / count == pytest.approx(expected, rel=1e-5)
    part, drawn = parts('model.decoded=0.4')
    assert drawn.decoded.unique().shape == (6,)


def test_one_update_reaches_every_part():
    model, noise = parts('model.kl.free=0')
    model.loss(tiny.tensors(), noise)[0].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_members_are_drawn_at_random_for_each_step_and_as_often_as_one_another():
    model, _ = parts()
    generator = torch.Generator().manual_seed(0)
    drawn = [model.draw_noise(2, 50, generator).order for _ in range(2)]
    assert not torch.equal(drawn[0], drawn[1])
    for order in drawn:  # 50 rows in 51 places, 17 for each member
        assert sorted(order.tolist()) == list(range(51))
        assert min(len([t for t in own if t < 50]) for own in order.view(3, 17)) >= 16


def test_images_are_moved_before_they_are_encoded_and_reconstructed_where_they_are():
    model, noise = parts('model.shift=2')
    data = tiny.tensors()
    assert noise.moves.shape == (2, tiny.BATCH) and noise.moves.abs().max() <= 2
    noise = noise._replace(moves=torch.tensor([[1, 0, -2], [2, 0, 0]]))
    loss, post, metrics = model.loss(data, noise)
    seen = {name: moved(images, noise.moves) for name, images in data['images'].items()}
    still = noise._replace(moves=None)
    _, expected, other = model.loss({**data, 'images': seen}, still)
    assert torch.equal(post.stoch, expected.stoch) and torch.equal(post.deter, expected.deter)
    predicted = model.decoder(post.feat.flatten(0, 1))['front']
    target = data['images']['front'].flatten(0, 1).permute(0, 3, 1, 2) / 255 - 0.5
    error = 0.5 * (predicted - target).square().sum((1, 2, 3)).mean()
    assert metrics['model/image_loss'].item() == pytest.approx(error.item(), rel=1e-5)
    assert other['model/image_loss'] != metrics['model/image_loss']


def test_every_move_up_to_the_shift_is_drawn_and_none_without_one():
    model, noise = parts('model.shift=2')
    random = torch.Generator().manual_seed(0)
    drawn = [model.draw_noise(8, 2, random).moves for _ in range(20)]
    assert set(torch.cat(drawn, 1).flatten().tolist()) == {-2, -1, 0, 1, 2}
    assert not torch.equal(drawn[0][0], drawn[0][1])
    assert parts()[1].moves is None
