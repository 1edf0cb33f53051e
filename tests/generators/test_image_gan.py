"""What the adversarial generator of images adds to the law that it draws from."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from augment import ImageGAN
from augment._errors import AugmentWarning
from augment._random import isolated_rng, torch_generator
from augment.generators._law_images import LawImageGenerator
from augment.networks.image_gan import ImageCritic, ImageRefiner
from augment.objectives.adversarial_images import AdversarialImageObjective, varied
from tests.generators.test_images import ADVERSARIAL, RIGID, blobs


def test_a_refiner_is_used_only_where_it_came_clearly_nearer():
    vae, gan = clone(RIGID).fit(*blobs()), clone(ADVERSARIAL).fit(*blobs())
    assert gan.kept_step_ == 0  # four steps teach nothing
    assert_array_equal(gan.sample(9, random_state=1)[0], vae.sample(9, random_state=1)[0])
    assert (gan.history_["validation"] >= -gan.history_["approach"]).all()


def test_a_refiner_learns_the_texture_that_draws_lack():
    X, y = blobs(n=80)
    X[:, :, ::2] += 60  # stripes: the law of the codes knows them, so let the draws lose them
    gan = clone(ADVERSARIAL).set_params(hidden_dim=8, max_steps=50, learning_rate=3e-3)

    def blurred(self, law):
        draw = LawImageGenerator._starting_point(self, law)
        return lambda *given: torch.nn.functional.avg_pool2d(draw(*given), (3, 1), 1, (1, 0))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageGAN, "_starting_point", blurred)
        gan.fit(X, y)
    assert gan.kept_step_ > 0
    assert gan.history_.loc[gan.history_["step"] == gan.kept_step_, "approach"].iloc[0] > 0


def test_one_patient_leaves_nothing_to_judge_by():
    X, y = blobs()
    with pytest.warns(AugmentWarning, match="one patient"):
        gan = clone(ADVERSARIAL).fit(X, y, groups=np.zeros(len(X)))
    assert gan.n_steps_ == 0
    assert gan.sample(2, random_state=0)[0].shape == (2, 1, 18, 14)


def test_a_collapse_is_taken_back_and_told(monkeypatch):
    X, y = blobs()
    calls = []
    original = AdversarialImageObjective.spread

    def collapsing(self, batch, generator):
        calls.append(1)
        return original(self, batch, generator) * (0.1 if len(calls) > 2 else 1.0)

    monkeypatch.setattr(AdversarialImageObjective, "spread", collapsing)
    with pytest.warns(AugmentWarning, match="lost the variety"):
        gan = clone(ADVERSARIAL).set_params(max_steps=50).fit(X, y)
    assert gan.sample(2)[0].shape == (2, 1, 18, 14)


@pytest.mark.parametrize("size", [(8, 8), (18, 14), (33, 65)])
def test_any_size_and_number_of_channels_goes_through(size):
    images, given = torch.rand(3, 2, *size), torch.rand(3, 4)
    refiner, critic = ImageRefiner(2, 4, 8), ImageCritic(2, 4, 4, size)
    assert_array_equal(refiner(images, given, torch.randn(3, 1, *size)).detach(), images)
    assert critic(images, given).shape == (3,)


def test_images_are_moved_in_front_of_their_background():
    images = torch.full((50, 2, 16, 16), 0.25)
    images[:, 1] = 0.75
    varieties = varied(images, torch.tensor([0.25, 0.75]), torch_generator(0))
    for channel in varieties.unbind(1):  # shaded as a whole, but without an edge
        assert_allclose(channel, channel[:, :1, :1].expand_as(channel), atol=1e-5)
    assert varieties.std() > 0


def test_critics_see_that_all_images_of_a_batch_are_alike():
    with isolated_rng(0):
        critic = ImageCritic(1, 1, 8, (16, 16))
        images, given = torch.rand(6, 1, 16, 16), torch.zeros(6, 1)
    alone = torch.cat([critic(images[i : i + 1].repeat(6, 1, 1, 1), given)[:1] for i in range(6)])
    assert not torch.allclose(critic(images, given), alone, atol=1e-4)
