"""The rule that chooses how many rows to add, the folds it judges by, and the scores."""

import numpy as np
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from augment._selection import choose, plan_folds, unharmed
from augment.generators._trials import RealRows, find_scorer
from tests.evaluation.doubles import blobs


def test_the_rule():
    flat = np.array([[0.0, 0.0, 0.0, 0.0], [0.02, -0.02, 0.03, -0.01]])
    assert choose(flat, [0, 1], 0.25) == 0  # a gain smaller than its error
    steps = np.array([[0.0] * 4, [0.10, 0.12, 0.09, 0.11], [0.11, 0.11, 0.10, 0.11], [0.3] * 4])
    assert choose(steps[:3], [0, 1, 5], 0.25) == 1  # the smallest that is as good
    assert choose(steps, [0, 1, 2, 5], 0.25) == 3  # but not one that is worse
    twins = np.array([[0.0] * 3, [0.10, 0.1, 0.1], [0.11, 0.11, 0.11]])
    assert choose(twins, [0, 1, 1], 0.25) == 2  # of two weights the better
    assert choose(np.zeros((3, 4)), [0, 1, 2], 0.25) == 0  # equal is not better
    assert choose(steps[:3], [0, 1, 5], 0.25, allowed=[0, 2]) == 2
    assert choose(steps[:3], [0, 1, 5], 0.25, allowed=[]) == 0
    # the first step corrects the error for overlap, the second does not
    close = np.array([[0.0] * 4, [0.40, 0.42, 0.38, 0.40], [0.43, 0.41, 0.44, 0.42]])
    assert choose(close, [0, 1, 5], 0.25) == 2
    far = np.array([[0.0] * 4, [0.1, -0.05, 0.13, 0.02]])
    assert [choose(far, [0, 1], overlap) for overlap in (0.0, 0.25)] == [1, 0]


def test_no_candidate_takes_part_that_lowers_the_second_score():
    auc = np.array([[0.8] * 4, [0.7, 0.8, 0.8, 0.8], [0.8] * 4, [0.9] * 4])
    assert unharmed(auc, [0, 1, 2, 5]) == [0, 2, 3]
    assert unharmed(auc, [0, 5, 2, 1]) == [0]  # the largest dose does harm
    assert unharmed(np.zeros((3, 4)), [0, 1, 2]) == [0, 1, 2]


def test_rows_are_divided_more_often_the_fewer_they_are():
    for n, n_folds in ((60, 15), (150, 10), (400, 5)):
        codes = np.arange(n) % 2
        folds = plan_folds(np.zeros((n, 1)), codes, None, np.arange(n), 5, 0)
        assert len(folds) == n_folds
        seen = np.bincount(np.concatenate([test for _, test in folds]), minlength=n)
        assert (seen == n_folds // 5).all()
        assert all(len(np.intersect1d(*fold)) == 0 for fold in folds)
    groups = np.repeat(np.arange(20), 20)
    assert len(plan_folds(np.zeros((400, 1)), codes, groups, np.arange(400), 5, 0)) == 15
    splitter = StratifiedKFold(5, shuffle=True, random_state=0)
    assert len(plan_folds(np.zeros((60, 1)), codes[:60], None, np.arange(60), splitter, 0)) == 5


def test_log_loss_is_that_of_scikit_learn_but_for_the_floor():
    X, y = blobs(40, 3)
    rows = RealRows(X, y, np.linspace(0.5, 2, 40), None)
    model = LogisticRegression().fit(X, y)
    score = find_scorer(model, "neg_log_loss")
    expected = log_loss(y, model.predict_proba(X), sample_weight=rows.weight)
    auc = roc_auc_score(y, model.predict_proba(X)[:, 1], sample_weight=rows.weight)
    assert_allclose(score(model, rows), (-expected, auc))
    sure = KNeighborsClassifier(1).fit(X, 1 - y)
    assert_allclose(score(sure, rows), (np.log(0.001), 0.0))


def test_auc_is_the_mean_over_the_classes_that_are_judged():
    X, y = blobs(60, 4)
    y[:20] = 2
    model = LogisticRegression().fit(X, y)
    score = find_scorer(model, "neg_log_loss")
    expected = roc_auc_score(y, model.predict_proba(X), multi_class="ovr")
    assert_allclose(score(model, RealRows(X, y, None, None))[1], expected)
    assert score(model, RealRows(X[:20], y[:20], None, None))[1] == 0.5
