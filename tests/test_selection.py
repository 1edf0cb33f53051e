"""The rule that chooses how many rows to add, the folds it judges by, and the scores."""

import numpy as np
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from augment._selection import N_ERRORS, choose, fold_gain, plan_folds, row_gain, unharmed
from augment.generators._trials import RealRows, find_scorer
from tests.evaluation.doubles import blobs


def test_the_rule():
    gain, error = np.array([0.0, 0.1, 0.3, 0.2]), np.array([0.0, 0.3, 0.5, 0.1])
    everything = [0, 1, 2, 3]
    assert choose(gain, error, everything, n_errors=N_ERRORS) == 2  # the largest gain
    assert choose(gain, error, everything, n_errors=1) == 0  # if it is clear enough
    assert choose(gain, error, [3], n_errors=1) == 3
    assert choose(gain, error, [], n_errors=0) == 0
    assert choose(np.zeros(3), np.zeros(3), everything[:3], n_errors=0) == 0  # equal: not better
    assert choose(-gain, error, everything, n_errors=0) == 0
    bonus = np.array([0.0, 0.0, -0.3, 0.1])
    assert choose(gain, error, everything, n_errors=1, bonus=bonus) == 3  # both count
    assert choose(-gain, error, everything, n_errors=0, bonus=5 * bonus) == 0  # one is not enough


def judged(n_divisions, gains, noise, seed=0):
    """Draw scores of divisions of all rows into two: the gain of a row, and noise of a division."""
    rng = np.random.default_rng(seed)
    tests, scores = [], []
    for _ in range(n_divisions):
        halves = np.array_split(rng.permutation(len(gains)), 2)
        tests += halves
        scores += [
            np.stack([np.ones(len(half)), 1 + gains[half] + noise * rng.normal(size=len(half))])
            for half in halves
        ]
    return scores, tests


def test_the_error_by_rows_is_that_of_a_mean_over_rows():
    gains = np.random.default_rng(1).normal(0.1, 1, size=50)
    for n_divisions in (1, 4):
        gain, error = row_gain(*judged(n_divisions, gains, 0))
        assert_allclose(gain, [0, gains.mean()], atol=1e-12)
        assert_allclose(error, [0, gains.std(ddof=1) / np.sqrt(50)])


def test_more_divisions_average_out_what_depends_on_the_division():
    errors = [row_gain(*judged(k, np.zeros(60), 1.0))[1][1] for k in (1, 4, 16)]
    assert_allclose(errors, [1 / np.sqrt(60 * k) for k in (1, 4, 16)], rtol=0.25)


def test_the_error_by_rows_is_honest():
    """The gain lies within two errors of the truth about as often as it should."""
    truth, hits = 0.3, 0
    for seed in range(300):
        gains = np.random.default_rng(1000 + seed).normal(truth, 1, size=40)
        gain, error = row_gain(*judged(3, gains, 1.0, seed))
        hits += abs(gain[1] - truth) < 2 * error[1]
    assert 0.91 < hits / 300 < 0.985


def test_rows_of_one_patient_are_one_piece_of_evidence():
    gains = np.random.default_rng(0).normal(size=20)
    scores, tests = judged(2, np.repeat(gains, 3), 0)
    alone = row_gain(*judged(2, gains, 0))
    together = row_gain(scores, tests, np.repeat(np.arange(20), 3))
    assert_allclose(together, alone)


def test_a_weight_of_two_is_a_row_twice_and_a_weight_of_nought_is_no_row():
    gains = np.arange(6.0)
    scores = [np.stack([np.zeros(6), gains])]
    weight = np.array([2.0, 1, 1, 1, 1, 0])
    gain = row_gain(scores, [np.arange(6)], None, weight)[0]
    assert_allclose(gain[1], np.average(gains, weights=weight))


def test_folds_are_judged_with_an_error_that_knows_of_their_overlap():
    scores = np.array([[0.0] * 4, [0.1, -0.05, 0.13, 0.02]])
    spread = scores[1].std(ddof=1)
    for share in (0.0, 0.25):
        gain, error = fold_gain(scores, share)
        assert_allclose(gain, [0, 0.05])
        assert_allclose(error, [0, spread * np.sqrt(1 / 4 + share)])
    almost = np.stack([np.full(4, 0.1), np.full(4, 0.1) + 1e-15])
    assert fold_gain(almost, 0.25)[1].tolist() == [0, 0]


def test_no_candidate_takes_part_that_lowers_the_second_score():
    auc = np.array([[0.8] * 4, [0.7, 0.8, 0.8, 0.8], [0.8] * 4, [0.9] * 4])
    assert unharmed(auc, [0, 1, 2, 5]) == [0, 2, 3]
    assert unharmed(auc, [0, 5, 2, 1]) == [0]  # the largest dose does harm
    assert unharmed(np.zeros((3, 4)), [0, 1, 2]) == [0, 1, 2]


def test_rows_are_divided_more_often_the_fewer_they_are():
    for n, n_folds in ((60, 30), (150, 15), (400, 5)):
        codes = np.arange(n) % 2
        folds = plan_folds(np.zeros((n, 1)), codes, None, np.arange(n), 5, 0)
        assert len(folds) == n_folds
        seen = np.bincount(np.concatenate([test for _, test in folds]), minlength=n)
        assert (seen == n_folds // 5).all()
        assert all(len(np.intersect1d(*fold)) == 0 for fold in folds)
    groups = np.repeat(np.arange(20), 20)
    assert len(plan_folds(np.zeros((400, 1)), codes, groups, np.arange(400), 5, 0)) == 30
    splitter = StratifiedKFold(5, shuffle=True, random_state=0)
    assert len(plan_folds(np.zeros((60, 1)), codes[:60], None, np.arange(60), splitter, 0)) == 5


def test_log_loss_is_that_of_scikit_learn_but_for_the_floor():
    X, y = blobs(40, 3)
    rows = RealRows(X, y, np.linspace(0.5, 2, 40), None)
    model = LogisticRegression().fit(X, y)
    score = find_scorer(model, "neg_log_loss")
    expected = log_loss(y, model.predict_proba(X), sample_weight=rows.weight)
    auc = roc_auc_score(y, model.predict_proba(X)[:, 1], sample_weight=rows.weight)
    by_row, found = score(model, rows)
    assert_allclose(np.average(by_row, weights=rows.weight), -expected)
    assert_allclose(found, auc)
    sure = KNeighborsClassifier(1).fit(X, 1 - y)
    assert_allclose(score(sure, rows)[0], np.full(40, np.log(0.001)))
    assert score(sure, rows)[1] == 0


def test_auc_is_the_mean_over_the_classes_that_are_judged():
    X, y = blobs(60, 4)
    y[:20] = 2
    model = LogisticRegression().fit(X, y)
    score = find_scorer(model, "neg_log_loss")
    expected = roc_auc_score(y, model.predict_proba(X), multi_class="ovr")
    assert_allclose(score(model, RealRows(X, y, None, None))[1], expected)
    assert score(model, RealRows(X[:20], y[:20], None, None))[1] == 0.5
