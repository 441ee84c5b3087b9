import numpy as np
import pytest
import torch

from moto_core.errors import ConfigError
from moto_core.spec import CameraSpec, Spec
from moto_learning.config import EncoderConfig, HeadConfig
from moto_learning.model.networks import Decoder, Encoder, RewardHead, conv_sizes, moved, normalize
from tests.learning import tiny_learner as tiny

SMALL = EncoderConfig(channels=[2, 3, 4, 5], proprioception=[6, 7])


def spec(**cameras):
    return Spec(
        joints=['a', 'b'],
        action_scale=[1.0, 1.0],
        proprioception=['position'],
        cameras={name: CameraSpec(height=h, width=w) for name, (h, w) in cameras.items()},
    )


def test_the_papers_encoder_gives_dreamers_sizes():
    assert [h for h, _ in conv_sizes(64, 64, EncoderConfig())] == [64, 31, 14, 6, 2]
    encoder = Encoder(
        Spec(joints=['a'], action_scale=[1.0], cameras={'front': CameraSpec()}), EncoderConfig()
    )
    assert encoder.size == 2 * 2 * 384


@pytest.mark.parametrize('height, width', [(48, 64), (64, 64), (80, 96), (128, 128), (240, 320)])
@pytest.mark.parametrize('padding, patch', [(0, 1), (1, 1), (1, 2)])
def test_every_size_comes_back_from_the_decoder(height, width, padding, patch):
    channels = [2, 3, 4, 5] if patch == 1 else [2, 3, 4]
    config = EncoderConfig(channels=channels, padding=padding, patch=patch, proprioception=[6])
    decoder = Decoder(spec(front=(height, width)), config, feat=10)
    assert decoder(torch.randn(2, 10))['front'].shape == (2, 3, height, width)


def test_several_cameras_and_proprioception_are_embedded_one_after_another():
    ours = spec(front=(64, 64), wrist=(48, 80))
    encoder = Encoder(ours, SMALL)
    images = {
        'front': torch.randint(0, 255, (3, 2, 64, 64, 3), dtype=torch.uint8),
        'wrist': torch.randint(0, 255, (3, 2, 48, 80, 3), dtype=torch.uint8),
    }
    vector = torch.randn(3, 2, 2)
    embed = encoder(images, vector)
    assert embed.shape == (3, 2, encoder.size) and encoder.size == 5 * 4 + 5 * (1 * 3) + 7
    other = encoder({**images, 'wrist': images['wrist'] // 2}, vector)
    assert torch.equal(embed[..., :20], other[..., :20])
    assert not torch.equal(embed[..., 20:35], other[..., 20:35])
    assert torch.equal(embed[..., 35:], other[..., 35:])


def test_a_row_does_not_depend_on_the_other_rows():
    encoder = Encoder(spec(front=(64, 64)), SMALL)
    images = torch.randint(0, 255, (4, 64, 64, 3), dtype=torch.uint8)
    vector = torch.randn(4, 2)
    whole = encoder({'front': images}, vector)
    alone = encoder({'front': images[2:3]}, vector[2:3])
    assert torch.allclose(whole[2:3], alone, atol=1e-5)


def test_images_are_centred_and_keep_their_places():
    image = torch.zeros(1, 2, 2, 3, dtype=torch.uint8)
    image[0, 1, 0] = torch.tensor([255, 51, 0])
    found = normalize(image)
    assert found.shape == (1, 3, 2, 2)
    assert found[0, :, 1, 0].tolist() == pytest.approx([0.5, -0.3, -0.5])
    assert np.allclose(found[0, :, 0, 0], -0.5)


def test_an_image_too_small_for_the_convolutions_is_refused_with_the_way_out():
    with pytest.raises(
        ConfigError, match=r'16 x 16 px are too small.* model.encoder.channels, .*padding=1'
    ):
        conv_sizes(16, 16, EncoderConfig())
    assert conv_sizes(16, 16, EncoderConfig(padding=1))[-1] == (1, 1)
    with pytest.raises(ConfigError, match=r'8 x 8 px .* use fewer model.encoder.channels$'):
        conv_sizes(8, 8, EncoderConfig(padding=1))


def test_a_pixel_bias_begins_at_the_mean_image_and_is_added_to_the_prediction():
    ours = spec(front=(64, 64))
    images = {'front': torch.randint(0, 255, (5, 64, 64, 3), dtype=torch.uint8)}
    mean = normalize(images['front']).mean(0)
    decoder = Decoder(
        ours, EncoderConfig(channels=[2, 3, 4, 5], proprioception=[6], pixel_bias=True), feat=10
    )
    plain = decoder(torch.ones(1, 10))['front']
    decoder.begin_at(images)
    assert torch.allclose(decoder(torch.ones(1, 10))['front'], plain + mean, atol=1e-6)
    without = Decoder(ours, SMALL, feat=10)
    without.begin_at(images)
    assert not [name for name, _ in without.named_parameters() if 'pixel_bias' in name]


def test_the_first_update_sets_the_pixel_bias_and_later_ones_train_it():
    agent = tiny.agent('model.encoder.pixel_bias=true')
    agent.update(tiny.batch(0))
    first = agent.world_model.decoder.cameras['front'].pixel_bias.detach().clone()
    expected = normalize(torch.as_tensor(tiny.batch(0)['images']['front']).flatten(0, 1)).mean(0)
    assert torch.allclose(first, expected, atol=1e-3) and not torch.equal(first, expected)
    agent.update(tiny.batch(1))
    assert torch.allclose(first, agent.world_model.decoder.cameras['front'].pixel_bias, atol=1e-3)


def test_images_are_moved_whole_and_their_edges_are_repeated():
    image = torch.arange(1, 7, dtype=torch.uint8).reshape(1, 1, 2, 3, 1).repeat(3, 2, 1, 1, 3)
    found = moved(image, torch.tensor([[0, 1, -1], [0, 1, -2]]))
    assert found.shape == image.shape and found.dtype == torch.uint8
    assert torch.equal(found[0], image[0])
    for row in (0, 1):
        assert found[1, row, ..., 0].tolist() == [[5, 6, 6], [5, 6, 6]]
        assert found[2, row, ..., 2].tolist() == [[1, 1, 1], [1, 1, 1]]


def test_a_two_hot_head_begins_at_0_and_learns_the_probability_of_a_rare_reward():
    head = RewardHead(3, HeadConfig(layers=0), 'two_hot')
    feat, reward = torch.ones(10, 3), torch.tensor([1.0] + [0.0] * 9)
    assert torch.allclose(head.mean(feat), torch.zeros(10), atol=1e-4)
    start = torch.log(torch.tensor(63.0))
    assert torch.allclose(head.loss(feat, reward), start.expand(10), atol=1e-4)
    optimizer = torch.optim.Adam(head.parameters(), 0.1)
    for _ in range(500):
        optimizer.zero_grad()
        head.loss(feat, reward).mean().backward()
        optimizer.step()
    assert torch.allclose(head.mean(feat), torch.full((10,), 0.1), atol=0.01)


def test_a_normal_head_predicts_its_output_and_loses_half_the_squared_distance():
    head = RewardHead(2, HeadConfig(layers=0), 'normal')
    feat, reward = torch.randn(4, 5, 2), torch.randn(4, 5)
    assert torch.equal(head.mean(feat), head(feat)[..., 0])
    assert torch.equal(head.loss(feat, reward), 0.5 * (head(feat)[..., 0] - reward) ** 2)


def test_patches_become_channels_and_come_back_where_they_were():
    ours = Spec(joints=['a'], action_scale=[1.0], cameras={'front': CameraSpec(height=8, width=4)})
    config = EncoderConfig(channels=[12], kernel=1, stride=1, patch=2, pixel_bias=True)
    encoder, decoder = Encoder(ours, config), Decoder(ours, config, feat=96)
    image = torch.randint(0, 255, (1, 8, 4, 3), dtype=torch.uint8)
    with torch.no_grad():
        encoder.cameras['front'][0].weight.copy_(torch.eye(12)[:, :, None, None])
        decoder.cameras['front'].dense.weight.copy_(torch.eye(96))
        decoder.cameras['front'].layers[0].weight.copy_(torch.eye(12)[:, :, None, None])
    embed = encoder({'front': image})
    assert embed.shape == (1, 96) and encoder.size == 96
    pixels = normalize(image)[0]  # (3, 8, 4)
    last = pixels[:, 6:, 2:].permute(1, 2, 0).flatten()  # of the patch at the lower right
    assert torch.allclose(embed.reshape(12, 4, 2)[:, 3, 1], torch.nn.functional.elu(last))
    found = decoder(pixels_first(embed))['front'][0]
    assert torch.allclose(found, torch.nn.functional.elu(pixels), atol=1e-6)


def pixels_first(embed):
    """The patches' pixels (12 = 2 x 2 x 3, ...) as the decoder orders them: colours first."""
    return embed.reshape(1, 2, 2, 3, -1).permute(0, 3, 1, 2, 4).reshape(1, -1)


def test_an_image_of_no_whole_patches_is_refused_with_both_numbers():
    with pytest.raises(ConfigError, match=r'30 x 64 px.*patches of 4 px; model.encoder.patch'):
        conv_sizes(30, 64, EncoderConfig(patch=4))
