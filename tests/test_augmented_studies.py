"""The study of `AugmentedClassifier` judges what the class does."""

import importlib.util
import itertools

import numpy as np
import pytest

from augment import AugmentedClassifier
from augment._random import rng_for
from tests.house import REPOSITORY


@pytest.fixture(scope="module")
def studies():
    path = REPOSITORY / "benchmarks" / "augmented_studies.py"
    spec = importlib.util.spec_from_file_location("augmented_studies", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("part", "law", "n"), [("useless", "copies", 60), ("useful", "normal", 40)]
)
def test_what_the_study_picks_is_what_the_classifier_picks(
    studies, monkeypatch, tmp_path, part, law, n
):
    tree = studies.LEARNERS["decision tree"]
    monkeypatch.setattr(studies, "LEARNERS", {"decision tree": tree})
    monkeypatch.setattr(studies, "FORESTS", {"boosting": tree})
    monkeypatch.setattr(
        studies, "CANDIDATES", [(0.0, 1.0), *itertools.product((1.0, 5.0), (0.3, 1.0))]
    )
    cell = studies.pd.DataFrame(studies.run_cell(part, law, n, 3, tmp_path))
    cell = cell[cell["classifier"] == "decision tree"]
    picked = studies.CANDIDATES[studies.pick(cell[cell["fold"] != studies.TEST])]
    test = cell[cell["fold"] == studies.TEST].set_index(["ratio", "weight"])

    names = sorted(sum(studies.LAWS.values(), ()))
    X, y = studies.draw_law(law, n, rng := rng_for(7, names.index(law), 3))
    X_test, y_test = studies.draw_law(law, 2000, rng)
    generator = studies.GENERATORS.get(law, studies.Normal())
    model = AugmentedClassifier(tree, generator, ratios=(1, 5), weights=(0.3, 1), random_state=3)
    proba = model.fit(X, y).predict_proba(X_test)
    assert (model.best_ratio_, model.best_weight_ or 1.0) == picked
    scores = studies.score(y_test, proba, studies.METRICS)[0]
    np.testing.assert_allclose(test.loc[picked, list(studies.METRICS)].astype(float), scores)
