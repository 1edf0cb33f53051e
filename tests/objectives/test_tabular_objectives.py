"""The two objectives of table rows, against what is known in closed form."""

import pytest
import torch
from torch import nn

from augment._random import torch_generator
from augment.objectives.adversarial import AdversarialObjective
from augment.objectives.private import dequantise
from augment.objectives.variational import VariationalObjective, fill_missing
from augment.training import Batches, train


def rows(members=1, n=400, d=6, classes=2, seed=0):
    """Give correlated scores, all observed, in two classes."""
    generator = torch_generator(seed)
    factor = torch.randn(n, 2, generator=generator)
    loading = torch.randn(2, d, generator=generator)
    labels = torch.arange(n) % classes
    scores = factor @ loading + 0.5 * torch.randn(n, d, generator=generator)
    scores = scores + 1.0 * (labels == 1).float().unsqueeze(1)
    scores = (scores - scores.mean(0)) / scores.std(0)
    batch = {
        "scores": scores,
        "observed": torch.ones(n, d),
        "conditions": nn.functional.one_hot(labels, classes).float(),
        "weight": torch.ones(n),
    }
    return {name: value.expand(members, *value.shape) for name, value in batch.items()}, batch


def vae(hidden=0, members=1, kl_weight=1.0, d=6, latent=4):
    return VariationalObjective(members, d, 2, latent, hidden, kl_weight, 0.02, torch_generator(0))


def test_dequantised_scores_stay_in_their_interval_and_hide_what_was_missing():
    batch = {
        "lower": torch.full((1, 50, 2), 0.2),
        "upper": torch.full((1, 50, 2), 0.6),
        "observed": torch.tensor([1.0, 0.0]).expand(1, 50, 2),
    }
    scores = dequantise(batch, torch_generator(0))
    u = torch.special.ndtr(scores[..., 0])
    assert ((u > 0.2) & (u < 0.6)).all()
    assert (scores[..., 1] == 0).all()


def test_the_analytic_bound_is_the_mean_of_the_sampled_one():
    stacked, _ = rows()
    linear = vae()
    exact = linear.loss("elbo", stacked, torch_generator(1), 0)[0].detach()
    linear.is_linear = False
    generator = torch_generator(2)
    sampled = [linear.loss("elbo", stacked, generator, 0)[0].detach() for _ in range(300)]
    assert float(torch.stack(sampled).mean()) == pytest.approx(float(exact), rel=0.01)


def test_the_principal_start_is_near_the_optimum():
    stacked, flat = rows()
    objective = vae()
    cold, _ = objective.loss("elbo", stacked, torch_generator(1), 0)
    objective.initialise(flat, torch.ones(1, 400), torch_generator(0))
    warm, _ = objective.loss("elbo", stacked, torch_generator(1), 0)
    batches = Batches(flat, 400, torch_generator(3), [torch.arange(400)])
    train(objective, batches, max_steps=800, generator=torch_generator(4))
    best, _ = objective.loss("elbo", stacked, torch_generator(1), 0)
    assert best < warm < cold
    assert warm - best < 0.25 * (cold - best)


def test_a_heavier_divergence_switches_latent_directions_off():
    _, flat = rows()
    active = []
    for kl_weight in (1.0, 4.0, 50.0):
        objective = vae(kl_weight=kl_weight)
        objective.initialise(flat, torch.ones(1, 400), torch_generator(0))
        weights = objective.decoder.mean.linear.weight[0, :4]
        active.append(int((weights.square().sum(dim=1) > 0.05).sum()))
    assert active[0] >= active[1] >= active[2] == 0


def test_missing_cells_do_not_matter():
    stacked, _ = rows()
    seen = {**stacked, "observed": stacked["observed"].clone()}
    seen["observed"][..., 2] = 0
    other = {**seen, "scores": seen["scores"].clone()}
    other["scores"][..., 2] = 0.9
    objective = vae()
    one, _ = objective.loss("elbo", seen, torch_generator(1), 0)
    two, _ = objective.loss("elbo", other, torch_generator(1), 0)
    assert one.item() == pytest.approx(two.item())


def gan(decoder, members=1):
    return AdversarialObjective(decoder, members, 6, 2, 4, 16, 1.0, 1e-3, 2e-3, torch_generator(0))


def test_adversarial_training_brings_a_poor_generator_closer():
    stacked, flat = rows()
    held = {**stacked, "held_out": torch.ones(1, 400)}
    objective = gan(vae(hidden=16).decoder)
    before = float(objective.validate(held, torch_generator(0))["validation"])
    batches = Batches(flat, 128, torch_generator(3), [torch.arange(400)])
    train(objective, batches, max_steps=400, generator=torch_generator(4))
    after = float(objective.validate(held, torch_generator(0))["validation"])
    assert after < before - 0.02


def test_spread_sees_collapse():
    stacked, flat = rows()
    start = vae()
    start.initialise(flat, torch.ones(1, 400), torch_generator(0))
    objective = gan(start.decoder)
    assert float(objective.spread(stacked, torch_generator(1))) > 0.7
    with torch.no_grad():
        start.decoder.mean.linear.weight.zero_()
        start.decoder.log_variance.fill_(-7)
    assert float(objective.spread(stacked, torch_generator(1))) < 0.1


def test_missing_scores_are_filled_by_what_the_others_say():
    stacked, flat = rows()
    objective = vae()
    objective.initialise(flat, torch.ones(1, 400), torch_generator(0))
    scores = stacked["scores"]
    seen = torch.ones_like(scores)
    seen[..., 2] = 0
    filled = fill_missing(
        objective.encoder, objective.decoder, scores * seen, seen, stacked["conditions"]
    )
    hidden, guess = scores[0, :, 2], filled[0, :, 2]
    assert torch.corrcoef(torch.stack([hidden, guess]))[0, 1] > 0.6
    assert torch.equal(filled[..., :2], scores[..., :2])


def test_a_batch_without_weight_costs_nothing():
    stacked, _ = rows()
    nothing = {**stacked, "weight": torch.zeros(1, 400)}
    loss, _ = vae().loss("elbo", nothing, torch_generator(0), 0)
    assert torch.isfinite(loss)
