"""Laws of what the margins of a generator say of cells, and of how surprise is added up."""

import numpy as np
import pandas as pd
import pytest

from augment.data.encoder import TableEncoder
from augment.data.schema import TableSchema
from augment.generators._cells import CellReader, heavy_tailed
from augment.generators._cross_fit import CrossFit

N_ROWS = 200


def table(n=N_ROWS, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "dose": np.exp(rng.normal(size=n)),
            "grade": rng.choice([1, 2, 3], n, p=[0.9, 0.08, 0.02]),
            "sex": rng.choice(["f", "m"], n, p=[0.8, 0.2]),
        }
    )
    frame.loc[rng.random(n) < 0.1, "dose"] = np.nan
    return frame


@pytest.fixture(scope="module")
def reader():
    X = table()
    schema = TableSchema.infer(X)
    encoder = TableEncoder(schema).fit(schema.conform(X), np.zeros(N_ROWS, dtype=np.int64), 1)
    return CellReader(schema, encoder, N_ROWS)


def rows(**columns):
    n = max(len(values) for values in columns.values())
    typical = pd.DataFrame(
        {"size": [0.0] * n, "dose": [1.0] * n, "grade": [1] * n, "sex": ["f"] * n}
    )
    return typical.assign(**columns)


def test_numbers_are_stranger_the_farther_out_they_lie(reader):
    places = [0.0, 1.0, 2.0, 3.0, 10.0, 100.0]
    upper = reader.read(rows(size=places)).strangeness[:, 0]
    lower = reader.read(rows(size=[-place for place in places])).strangeness[:, 0]
    assert np.all(np.diff(upper) > 0.1)
    assert np.all(np.diff(lower) > 0.1)


def test_the_long_side_of_a_skewed_column_is_stranger_than_the_short_one(reader):
    rare = np.exp([-2.0, 2.0])  # equally rare, at both ends
    short, long = reader.read(rows(dose=list(rare))).strangeness[:, 1]
    assert long > short + 0.3


def test_a_number_divided_by_a_wrong_unit_is_far_out_in_a_positive_column(reader):
    least = float(np.nanmin(table()["dose"]))
    cells = reader.read(rows(dose=[least, least / 4, least / 18, 0.0, -1.0, 1.0, 1e6]))
    places = (cells.scores + cells.ratio)[:, 1]
    assert cells.ratio.max() == 0 == np.abs(cells.ratio[-2:]).max()
    assert np.all(np.diff(places[:3]) < -1)
    assert places[2] > places[3]
    assert places[4] == pytest.approx(places[3])


def test_levels_are_stranger_the_rarer_they_are(reader):
    grades = reader.read(rows(grade=[1, 2, 3])).strangeness[:, 2]
    assert np.all(np.diff(grades) > 0.3)
    common, rare, never = reader.read(rows(sex=["f", "m", "x"])).strangeness[:, 3]
    assert common < rare < never


def test_missing_cells_count_as_far_as_they_are_rare(reader):
    sometimes = reader.read(rows(dose=[np.nan])).strangeness[0, 1]
    never = reader.read(rows(size=[np.nan])).strangeness[0, 0]
    assert 1.5 < sometimes < never


def test_one_wild_cell_does_not_drown_the_others():
    assert heavy_tailed(np.array([1e3]))[0] < heavy_tailed(np.full(20, 3.0)).sum()
    assert np.all(np.diff(heavy_tailed(np.linspace(0, 9, 50))) > 0)


@pytest.mark.parametrize(("dependence", "counts"), [(-5.0, 0.0), (2.0, 0.0), (6.0, 1.0)])
def test_dependence_counts_only_where_it_is_in_excess(dependence, counts):
    standards = {"margins": (1.0, 2.0), "dependence": (0.0, 1.0)}
    model = CrossFit((), "auto", standards, np.ones(1))
    parts = {"margins": np.array([5.0]), "dependence": np.array([dependence])}
    assert model._combined(parts)[0] == pytest.approx(2.0 + counts)


def test_other_ingredients_are_averaged():
    standards = dict.fromkeys(("brighter", "darker", "asymmetry"), (0.0, 1.0))
    model = CrossFit((), "auto", standards, np.ones(1))
    parts = {"brighter": np.array([3.0]), "darker": np.array([1.0]), "asymmetry": np.array([0.0])}
    assert model._combined(parts)[0] == pytest.approx(1.5)
