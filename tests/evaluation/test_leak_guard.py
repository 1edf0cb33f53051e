"""A hold-out that the generator was fitted on is refused."""

import functools

import numpy as np
import pandas as pd
import pytest

import augment
from augment import Bootstrap, GaussianCopula, ImageVAE, evaluate_fidelity, evaluate_privacy
from augment._errors import InvalidInputError
from augment.evaluation._leak_guard import refuse_leak
from tests.evaluation.test_fidelity import cohort
from tests.evaluation.test_fidelity_images import images

TRAIN, HOLDOUT, DRAWN = cohort(60), cohort(60, 1), cohort(60, 2)
EVALUATIONS = [
    functools.partial(evaluate_fidelity, random_state=0),
    functools.partial(evaluate_privacy, n_audit_fits=0, random_state=0),
]


def joined(*pairs):
    return tuple(pd.concat(parts, ignore_index=True) for parts in zip(*pairs, strict=True))


@pytest.fixture(params=EVALUATIONS, ids=["fidelity", "privacy"])
def evaluate(request):
    return request.param


def test_leaked_holdout_is_refused(evaluate):
    leaked = GaussianCopula().fit(*joined(TRAIN, HOLDOUT))
    with pytest.raises(InvalidInputError, match="fitted on 60 of the 60 held-out rows"):
        evaluate(TRAIN, DRAWN, HOLDOUT, generator=leaked)


def test_few_leaked_rows_are_enough(evaluate):
    few = tuple(part[:2] for part in HOLDOUT)
    leaked = GaussianCopula().fit(*joined(TRAIN, few))
    X, y = HOLDOUT
    turned = X[X.columns[::-1]], y
    with pytest.raises(InvalidInputError, match="fitted on 2 of the 60"):
        evaluate(TRAIN, DRAWN, turned, generator=leaked)


def test_honest_holdout_passes(evaluate):
    result = evaluate(TRAIN, DRAWN, HOLDOUT, generator=GaussianCopula().fit(*TRAIN))
    assert not any("fitted" in note for note in result.notes)


def test_rows_on_both_sides_are_told(evaluate):
    mixed = joined(HOLDOUT, tuple(part[:7] for part in TRAIN))
    told = [note for note in evaluate(TRAIN, DRAWN, mixed).notes if "held-out rows are" in note]
    assert [note[:7] for note in told] == ["7 of 67"]


def test_duplicates_between_train_and_holdout_are_explained():
    mixed = pd.concat([TRAIN[0][:5], HOLDOUT[0]], ignore_index=True)
    assert refuse_leak(Bootstrap().fit(*TRAIN), TRAIN[0], mixed) == []


def test_other_training_rows_are_noted():
    (note,) = refuse_leak(GaussianCopula().fit(*cohort(60, 7)), TRAIN[0], HOLDOUT[0])
    assert "60 of the 60 training rows" in note


def test_a_model_from_a_file_cannot_be_checked(tmp_path):
    GaussianCopula().fit(*joined(TRAIN, HOLDOUT)).save(tmp_path / "m.safetensors")
    (note,) = refuse_leak(augment.load(tmp_path / "m.safetensors"), TRAIN[0], HOLDOUT[0])
    assert "could not be checked" in note


def test_images_are_guarded(evaluate):
    train, holdout, drawn = images(30, 0), images(30, 1), images(30, 2)
    both = [np.concatenate(pair) for pair in zip(train, holdout, strict=True)]
    leaked = ImageVAE(max_steps=1, random_state=0).fit(*both)
    with pytest.raises(InvalidInputError, match="fitted on 30 of the 30"):
        evaluate(train, drawn, holdout, generator=leaked)
