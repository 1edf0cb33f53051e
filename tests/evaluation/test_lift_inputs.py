"""Bad input: what is refused, by which error, and the words that name it and the remedy."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression

from augment import evaluate_lift
from augment._errors import InvalidInputError, InvalidTypeError
from augment.evaluation.inputs import check_cohort, check_external
from tests.evaluation.doubles import Copies, clinical

X, Y = clinical(40)
Z = np.zeros((40, 2))
MISSING = Y.mask(np.arange(40) == 3)
CASES = {
    "nine rows": ({"X": X[:9], "y": Y[:9]}, InvalidInputError, "at least 10 rows.*X has 9"),
    "empty table": ({"X": X[:0], "y": Y[:0]}, InvalidInputError, "at least 10 rows.*X has 0"),
    "one class": ({"y": ["a"] * 40}, InvalidInputError, "one class only.*'a'"),
    "two rare classes": (
        {"y": ["a"] * 38 + ["b"] * 2},
        InvalidInputError,
        "at least two classes.*Lower n_splits",
    ),
    "lengths": ({"y": Y[:30]}, InvalidInputError, "y must have one entry.*40.*30"),
    "missing label": ({"y": MISSING}, InvalidInputError, r"y is missing in 1 row.*\[3\].*Drop"),
    "continuous": ({"y": np.linspace(0.1, 1, 40)}, InvalidInputError, "continuous target"),
    "counts": ({"y": np.arange(40)}, InvalidInputError, "continuous target.*40 distinct"),
    "mixed labels": (
        {"y": ["a", 1] * 20},
        InvalidInputError,
        r"mixes types \(number, str\).*str\(label\)",
    ),
    "frame of labels": ({"y": X[["age", "sex"]]}, InvalidTypeError, "one column of labels"),
    "matrix of labels": ({"y": Z}, InvalidTypeError, "one dimension"),
    "groups": ({"groups": [1, 2]}, InvalidInputError, "groups must have one entry"),
    "missing group": (
        {"groups": [None, *range(39)]},
        InvalidInputError,
        "groups is missing in 1 row",
    ),
    "one patient": ({"groups": [1] * 40}, InvalidInputError, "groups per class"),
    "vector": ({"X": np.zeros(40)}, InvalidTypeError, "at least two dimensions"),
    "complex": ({"X": Z * 1j}, InvalidTypeError, "complex"),
    "duplicate columns": (
        {"X": X.set_axis([*"aabcdefg"], axis=1)},
        InvalidInputError,
        r"one name.*\['a'\].*Rename",
    ),
    "infinite": ({"X": X.assign(age=np.inf)}, InvalidInputError, "infinity.*'age'.*Replace"),
    "mixed column": (
        {"X": X.assign(sex=[1, "f"] * 20)},
        InvalidInputError,
        "'sex' mixes types.*astype",
    ),
    "identifier": (
        {"X": X.assign(sex=[f"patient {i}" for i in range(40)])},
        InvalidInputError,
        "'sex' looks like an identifier.*Drop it",
    ),
    "no columns": ({"X": X[[]]}, InvalidInputError, "0 feature.*empty"),
    "class for instance": ({"generator": Copies}, InvalidTypeError, r"write Copies\(\)"),
    "no generator": ({"generator": 3}, InvalidTypeError, "fit, sample and get_params"),
    "one split": ({"n_splits": 1}, InvalidInputError, "n_splits must be an integer of at least 2"),
    "no repeat": ({"n_repeats": 0}, InvalidInputError, "n_repeats"),
    "half a split": ({"n_splits": 2.5}, InvalidInputError, "n_splits.*2.5"),
    "ratio word": ({"ratio": "much"}, InvalidInputError, "ratio.*'much'"),
    "ratio zero": ({"ratio": 0}, InvalidInputError, "ratio=0.*above 0"),
    "ratio type": ({"ratio": None}, InvalidTypeError, "ratio"),
    "metric": ({"metrics": ("roc_auc", "neg_log_los")}, InvalidInputError, "Did you mean"),
    "no deciding metric": ({"metrics": ("roc_auc",)}, InvalidInputError, "neg_log_loss.*decide"),
    "rope": ({"rope": {"roc_auc": 0.1}}, InvalidInputError, "rope must be a dict"),
    "rope sign": (
        {"rope": {"roc_auc": 0.1, "neg_log_loss": -1}},
        InvalidInputError,
        "above 0",
    ),
    "baseline": ({"baselines": ("bootsrap",)}, InvalidInputError, "Did you mean 'bootstrap'"),
    "reserved baseline": (
        {"baselines": {"augmented": Copies()}},
        InvalidInputError,
        "names 'augmented'",
    ),
    "baseline text": ({"baselines": "smote"}, InvalidTypeError, "tuple of names"),
    "seed": ({"random_state": "x"}, TypeError, "random_state"),
    "X_test alone": ({"X_test": X}, InvalidInputError, "y_test is missing"),
    "y_test alone": ({"y_test": Y}, InvalidInputError, "X_test is missing"),
    "columns": (
        {"X_test": X.rename(columns={"age": "years"}), "y_test": Y},
        InvalidInputError,
        r"Missing from X_test: \['age'\]; not in X: \['years'\].*Rename",
    ),
    "array for frame": ({"X_test": Z, "y_test": Y}, InvalidTypeError, "same columns"),
    "width": (
        {"X": Z, "X_test": np.zeros((40, 3)), "y_test": Y},
        InvalidInputError,
        r"\(2,\).*\(3,\)",
    ),
    "unknown label": (
        {"X_test": X, "y_test": Y.replace("healthy", "well")},
        InvalidInputError,
        r"labels that y does not have: \['well'\].*disease",
    ),
    "missing test label": (
        {"X_test": X, "y_test": MISSING},
        InvalidInputError,
        "y_test is missing",
    ),
    "one test class": (
        {"X_test": X, "y_test": ["disease"] * 40},
        InvalidInputError,
        "two of the scored",
    ),
    "text for number": (
        {"X_test": X.assign(age="old"), "y_test": Y},
        InvalidInputError,
        "'age' is numeric.*'old'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case):
    given, error, words = CASES[case]
    options = {"generator": Copies(), "X": X, "y": Y, "baselines": (), "random_state": 0} | given
    generator, table, labels = (options.pop(name) for name in ("generator", "X", "y"))
    with pytest.raises(error, match=f"(?s){words}"):
        evaluate_lift(generator, table, labels, **options)


def test_columns_of_the_test_table_may_stand_in_another_order():
    shuffled = X[X.columns[::-1]].astype({"stays": "float64"})
    shuffled["empty"] = pd.Series([None] * 40, dtype=object)
    found = evaluate_lift(
        Copies(), X, Y, X_test=shuffled, y_test=Y, estimators=LogisticRegression(),
        n_repeats=1, ratio=1.0, baselines=(), random_state=0,
    )  # fmt: skip
    assert found.external.n_test == 40


@pytest.mark.parametrize("column", [Y.to_frame(), Y.to_numpy(dtype=object)[:, None]])
def test_one_column_of_labels_is_taken_as_labels_with_the_usual_warning(column):
    with pytest.warns(DataConversionWarning, match=r"column-vector y was.*ravel"):
        cohort = check_cohort(X, column, None)
    plain = check_cohort(X, Y, None)
    assert cohort.classes.tolist() == plain.classes.tolist()
    assert cohort.codes.tolist() == plain.codes.tolist()
    assert np.ndim(cohort.y) == 1
    with pytest.warns(DataConversionWarning, match=r"column-vector y_test was"):
        codes = check_external(cohort, X, column)[1]
    assert codes.tolist() == plain.codes.tolist()
