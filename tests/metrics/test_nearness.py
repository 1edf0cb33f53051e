"""Laws of `nearness`: fresh rows are not near by its measure, whatever the kinds of columns."""

import numpy as np
import pytest

from augment.metrics.privacy import nearness

N, DRAWN, STUDIES = 60, 400, 60
LEVEL = 0.005
"""Of the nearest of all rows: its chance is far below the nearest 15 % of real rows, in the tail."""


def normal(rng, n):
    return rng.normal(size=(n, 2))


def number_beside_flags(rng, n):
    """Near rows agree in all flags, and then a single number decides how near they are."""
    flags = rng.random((n, 5)) < (0.3, 0.5, 0.2, 0.4, 0.1)
    return np.column_stack([rng.normal(size=n), flags.astype(float)])


@pytest.mark.parametrize("law", [normal, number_beside_flags])
def test_the_nearest_of_all_fresh_rows_is_seldom_too_near(law):
    rng = np.random.default_rng(0)
    least = [
        nearness(law(rng, N), law(rng, DRAWN), law(rng, N)).p_values.min() for _ in range(STUDIES)
    ]
    # .3 studies are to be expected; 4 or more come up twice in ten thousand such tests.
    assert (np.array(least) <= LEVEL / DRAWN).sum() <= 3


def test_copies_beside_flags_are_found_still():
    rng = np.random.default_rng(0)
    train, holdout = number_beside_flags(rng, N), number_beside_flags(rng, N)
    copies = train[:10] + [1e-6, 0, 0, 0, 0, 0]
    assert (nearness(train, copies, holdout).p_values < 1e-4).mean() >= 0.5
