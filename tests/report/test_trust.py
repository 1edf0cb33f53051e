import json

import numpy as np
import pytest

from augment import report, workflow
from augment._errors import InvalidInputError
from tests.lift_example import example_result
from tests.report.page import Page
from tests.report.trust_example import example_fidelity, example_privacy

FIDELITY = ("at the floor", "near the floor", "far from the floor", "copies", "too few rows")
PRIVACY = ("copies found", "memorisation found", "nothing found at this size")


def summary(fidelity=None, privacy=None, **options):
    study = report.summarise_study(None, fidelity=fidelity, privacy=privacy, **options)
    return report.summarise_report([study])


@pytest.mark.parametrize("verdict", FIDELITY)
def test_every_verdict_on_likeness_renders(verdict):
    html = report.render_report(summary(example_fidelity(verdict)))
    Page(html)
    assert verdict.capitalize() in html
    assert "A classifier tells synthetic from real rows with an AUC of 0.71" in html


@pytest.mark.parametrize(("verdict", "refits"), [*zip(PRIVACY, (True, False, True), strict=True)])
def test_every_verdict_on_privacy_renders(verdict, refits):
    html = report.render_report(summary(privacy=example_privacy(verdict, refits=refits)))
    Page(html)
    assert verdict.capitalize() in html
    assert ("<dt>Refits on halves</dt>" in html) == refits
    assert "safe" not in html.lower().replace("safety", "")


def test_both_stand_in_the_contents_and_beside_the_verdict():
    page = Page(report.render_report(summary(example_fidelity(), example_privacy())))
    links = [attrs["href"] for attrs in page.all("a") if attrs.get("href")]
    assert links.count("#s0-fidelity") == links.count("#s0-privacy") == 2


def test_what_is_worse_than_its_floor_is_said():
    html = report.render_report(summary(example_fidelity()))
    assert "Worse than the range of the real ones: two-sample AUC, disease, recall." in html
    assert "total = a + b: kept in 40 % of synthetic rows, 100 % of real ones." in html
    assert "stage &lt;b&gt; 0.10, floor 0.10" not in html  # within its range
    assert "age 0.30, floor 0.10" in html
    assert html.count("beyond the floor") == 2


def test_exposed_rows_are_named_as_in_the_table_and_from_one():
    rows = np.arange(140) * 2
    found = summary(privacy=example_privacy("copies found"), train_rows=rows)
    exposed = found["studies"][0]["privacy"]["exposed"]
    assert [line["row"] for line in exposed[:2]] == [7, 15]
    assert exposed[0]["n_copies"] == 3
    html = report.render_report(found)
    assert "rows of the table from 1" in html
    assert "3 of 700 synthetic rows, 1 of them equal in every value, 1 moved, turned" in html
    assert "71 %; 67 % by chance (p 0.040)" in html
    with pytest.raises(InvalidInputError, match="train_rows"):
        summary(privacy=example_privacy(), train_rows=rows[:-1])


def test_rows_that_chance_may_have_made_equal_are_counted_apart():
    html = report.render_report(summary(privacy=example_privacy(PRIVACY[2])))
    assert "0 of 700 synthetic rows; by chance" in html
    assert "2 more are equal to a training row and to no held-out one" in html
    assert "Perhaps copies" not in report.render_report(summary(privacy=example_privacy()))


def test_the_card_tells_both_verdicts():
    found = summary(example_fidelity(), example_privacy())
    card = report.report_card(found)["studies"][0]
    assert card["fidelity"]["verdict"] == "near the floor"
    assert card["privacy"]["strongest"]["auc"] == 0.66
    assert card["fidelity"]["far_columns"] == ["age"]
    assert card["fidelity"]["far_pairs"] == [{"first": "age", "second": "marker"}]
    assert card["privacy"]["n_holdout"] == 70
    json.loads(workflow.to_json(card))
    bare = report.report_card(summary())["studies"][0]
    assert bare["fidelity"] is None
    assert bare["privacy"] is None


def test_methods_and_limits_follow_what_was_done():
    both, none = summary(example_fidelity(), example_privacy()), summary()
    methods = both["studies"][0]["methods"]
    assert "70 held-out real rows" in methods
    assert "fitted 32 times on random halves" in methods
    assert "held out" not in none["studies"][0]["methods"]
    limits = " ".join(none["studies"][0]["limits"])
    assert "does not examine privacy" in limits
    assert "does not examine privacy" not in " ".join(both["studies"][0]["limits"])


def test_a_report_of_an_earlier_version_still_renders():
    study = report.summarise_study(example_result(external=False))
    found = report.summarise_report([study])
    for name in ("unit", "comparisons", "roles", "fidelity", "privacy", "images"):
        del found["studies"][0][name]
    assert "Synthetic rows help." in report.render_report(found)


def test_a_study_without_lift_says_that_it_was_not_measured():
    study = report.summarise_study(None, name="ImageVAE", fidelity=example_fidelity())
    html = report.render_report(report.summarise_report([study]))
    Page(html)
    assert "Whether synthetic rows help was not measured." in html
    assert "Lift by classifier" not in html
