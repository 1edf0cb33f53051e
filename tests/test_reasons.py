"""What a detector says of a row, in words and in the units of its columns."""

import re

import numpy as np
import pandas as pd
import pytest

from augment import ImageVAE, ReconstructionDetector, TabularVAE


def table(n=160, seed=0):
    """Give discs whose radius and area determine each other, a sum, levels, gaps and dates."""
    rng = np.random.default_rng(seed)
    radius, dose, fluid = (
        rng.uniform(5, 9, n).round(2),
        rng.integers(1, 9, n),
        rng.integers(1, 9, n),
    )
    return pd.DataFrame(
        {
            "radius": radius,
            "area": (np.pi * radius**2).round(1),
            "dose": dose,
            "fluid": fluid,
            "total": dose + fluid,
            "ward": rng.choice(["a", "b", "c"], n, p=[0.48, 0.48, 0.04]),
            "lab": np.where(rng.random(n) < 0.2, np.nan, rng.normal(5, 1, n).round(1)),
            "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
        }
    )


@pytest.fixture(scope="module")
def detector():
    generator = TabularVAE(max_steps=60, n_members=2)
    return ReconstructionDetector(generator, random_state=0).fit(table())


def first(detector, **changes):
    """Give the first reason of an ordinary row with some cells changed."""
    row = table(seed=1).assign(ward="a").iloc[[0]].astype(object).assign(**changes)
    return detector.reasons(row).iloc[0]


def test_a_broken_relation_is_told_in_units_of_the_column_and_with_what_fits(detector):
    reason = first(detector, radius=6.0, area=200.0)  # both inside their ranges
    assert {reason["column"], reason["related"]} == {"radius", "area"}
    assert reason["value"] != pytest.approx(reason["expected"], rel=0.1)
    assert reason["low"] <= reason["expected"] <= reason["high"]
    assert f"with this {reason['related']}: " in reason["text"]
    told = detector.reasons(table(seed=1).iloc[[0]].assign(radius=6.0, area=200.0))["column"]
    assert not {"radius", "area"} <= set(told)  # which of them is wrong cannot be told


def test_columns_that_are_far_out_together_make_one_reason(detector):
    reason = first(detector, radius=20.0, area=1256.6)
    assert "more than 10 deviations high (95 % of normal rows: " in reason["text"]
    assert reason["text"].endswith((", like radius", ", like area"))
    assert reason["related"] == ""  # nothing is known of discs that large
    assert reason["residual"] == 10.0


@pytest.mark.parametrize(
    ("changes", "pattern"),
    [
        ({"total": 99}, r"total 99 \(does not fit total = dose \+ fluid\)"),
        ({"ward": "x"}, r"ward x \(in no normal row\)"),
        ({"ward": "c"}, r"ward c \(in \d % of normal rows\)"),
        ({"area": np.nan}, r"area is missing \(in no normal row\)"),
        ({"lab": 40.0}, r"lab 40, .* high \(95 % of normal rows: [\d.]+ to [\d.]+\)"),
        ({"seen": pd.Timestamp("1990-01-01")}, "seen 1990-01-01, more than 10 deviations early"),
    ],
)
def test_each_kind_of_cell_has_its_words(detector, changes, pattern):
    assert re.fullmatch(pattern, first(detector, **changes)["text"])


def test_reasons_name_what_explain_finds_farthest(detector):
    rows = table(seed=2).head(30)
    reasons = detector.reasons(rows, n_reasons=1)
    farthest = detector.explain(rows).abs()
    named = farthest.idxmax(axis=1).reset_index(drop=True)[reasons["row"]]
    assert (reasons["column"].to_numpy() == named.to_numpy()).all()
    ordinary = set(range(30)) - set(reasons["row"])
    assert (farthest.iloc[sorted(ordinary)] <= 1).all().all()


def test_an_array_is_told_by_position_and_images_are_refused():
    rng = np.random.default_rng(0)
    generator = TabularVAE(max_steps=5, n_members=1)
    model = ReconstructionDetector(generator, random_state=0).fit(rng.normal(size=(40, 3)))
    assert model.reasons([[0.0, 0.0, 50.0]]).iloc[0]["text"].startswith("x2 50, ")
    assert model.reasons(np.zeros((1, 3))).columns.tolist()[:3] == ["row", "column", "residual"]
    linear = ImageVAE(latent_dim=2, deformation_grid=0)
    images = ReconstructionDetector(linear, random_state=0).fit(rng.random((12, 1, 16, 16)))
    with pytest.raises(ValueError, match="for tables"):
        images.reasons(rng.random((2, 1, 16, 16)))
