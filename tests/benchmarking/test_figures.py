"""The figures of a leaderboard."""

from __future__ import annotations

import re

from augment.benchmarking.figures import lift_figure


def row(name: str, lift: float, lower: float | None, upper: float | None) -> dict:
    found = {"lift": lift, "lower": lower, "upper": upper}
    return {"generator": name, "metrics": {"roc_auc": found}}


def names_in(svg: str) -> set[str]:
    return set(re.findall(r">([a-z ]+)</text>", svg)) & {"first", "second", "real"}


def test_lifts_on_one_data_set_are_dots_without_an_interval():
    rows = [row("first", 0.02, None, None), row("real", 0, None, None), row("second", 0, None, 0)]
    made = lift_figure("key", "roc_auc", rows)
    assert names_in(made.svg) == {"first", "second"}
    assert "first +2.00; second +0.00" in made.summary
    assert "too few" in made.caption
    assert "#0a6a94" not in made.svg, "nothing is clear of zero"


def test_lifts_with_intervals_say_them():
    made = lift_figure("key", "roc_auc", [row("first", 0.02, 0.01, 0.03)])
    assert "first +2.00 (+1.00 to +3.00)" in made.summary
    assert made.caption.startswith("95 % intervals over data sets")
