"""The objective of a classifier of images."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from augment._random import torch_generator
from augment.networks.classifier import SmallCNN
from augment.objectives.classification import ClassificationObjective


def objective(augmentation=None, smoothing=0.0):
    return ClassificationObjective(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 3)),
        learning_rate=0.01,
        weight_decay=0.0,
        label_smoothing=smoothing,
        augmentation=augmentation,
        seed=0,
    )


def batch(n=12):
    noise = torch.rand(n, 1, 4, 4, generator=torch_generator(0))
    return {"image": noise, "code": torch.arange(n) % 3}


def test_the_loss_is_the_mean_cross_entropy():
    method, rows = objective(), batch()
    loss, terms = method.loss("classifier", rows, torch_generator(1), 0)
    logits = method.networks["classifier"](rows["image"])
    assert loss.item() == pytest.approx(functional.cross_entropy(logits, rows["code"]).item())
    assert 0 <= terms["accuracy"] <= 1


def test_smoothing_makes_certainty_cost():
    rows, sure = batch(3), objective(smoothing=0.1)
    linear = sure.networks["classifier"][1]
    nn.init.zeros_(linear.weight)
    linear.bias.data = torch.tensor([50.0, 0.0, 0.0])
    loss, _ = sure.loss(
        "classifier", {**rows, "code": torch.zeros(3).long()}, torch_generator(1), 0
    )
    assert loss.item() == pytest.approx(0.1 / 3 * 100)


def test_augmentation_is_asked_in_every_step():
    seen = []
    method = objective(lambda images, generator: seen.append(len(images)) or images)
    for step in range(3):
        method.loss("classifier", batch(), torch_generator(1), step)
    assert seen == [12, 12, 12]


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (8, 8), (31, 20), (64, 64)])
def test_the_network_serves_any_shape(shape):
    network = SmallCNN(2, shape, 3, 4, 0.0)
    assert network(torch.zeros(2, 2, *shape)).shape == (2, 3)


def test_the_network_knows_where_things_lie():
    network = SmallCNN(1, (16, 16), 2, 4, 0.0).eval()
    images = torch.zeros(1, 1, 16, 16)
    images[..., 4, 4] = 1.0
    assert not torch.allclose(network(images), network(images.roll(8, dims=3)))
