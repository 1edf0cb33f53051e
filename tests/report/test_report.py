import dataclasses
import html as escaping
import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest

from augment import report, workflow
from augment._errors import InvalidInputError
from augment.report.columns import MIN_ROWS, compare_columns, compare_dependence
from tests.lift_example import example_result
from tests.report.page import Page

SECTIONS = ("verdict", "lift", "arms", "external", "worth", "calibration", "columns")
SECTIONS += ("dependence", "training", "methods", "limits")
SENTINELS = ("987654.25", "Zz-rare-level")


def tables(n=150):
    rng = np.random.default_rng(0)
    age = rng.normal(60, 10, n).round()
    real = pd.DataFrame(
        {
            "age": age,
            "marker": rng.gamma(2, 20, n) + age,
            "sex": rng.choice(["f", "m"], n),
            "stage <b>": rng.choice(["I", "II", "III", "IV"], n),
            "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "empty": np.nan,
            "outcome": rng.choice(["alive", "dead"], n),
        }
    )
    real.loc[3, "marker"] = 987654.25
    real.loc[4, "stage <b>"] = "Zz-rare-level"
    real.loc[10:40, "age"] = np.nan
    synthetic = real.drop(index=[3, 4]).sample(400, replace=True, random_state=0)
    return real, synthetic.reset_index(drop=True)


def history():
    steps = np.arange(0, 600, 2)
    validation = np.where(steps % 25 == 0, np.exp(-steps / 200), np.nan)
    frame = {"step": steps, "phase": "vae", "kl": steps / 600, "validation": validation}
    return pd.DataFrame(frame)


def summary(**changes):
    real, synthetic = tables()
    result = dataclasses.replace(example_result(), **changes)
    study = report.summarise_study(
        result, real=real, synthetic=synthetic, target="outcome", history=history()
    )
    return report.summarise_report([study], subtitle="heart.csv", settings={"table": "heart.csv"})


@pytest.fixture(scope="module")
def html():
    return report.render_report(summary())


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_every_section_is_there_and_linked(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert [s for s in SECTIONS if f"s0-{s}" not in ids] == []
    links = [attrs["href"][1:] for attrs in page.all("a", "use") if attrs.get("href")]
    assert [link for link in links if link not in ids] == []
    named = [attrs["aria-labelledby"] for _, attrs in page.tags if "aria-labelledby" in attrs]
    assert [name for name in named if name not in ids] == []


def test_page_needs_nothing_from_elsewhere(html, page):
    assert "http" not in html
    assert page.all("script", "link", "img", "iframe") == []
    assert re.findall(r"url\((?!#)", html) == []
    assert "@import" not in html


def test_page_is_accessible(html, page):
    assert page.all("html")[0]["lang"] == "en"
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in page.all("svg"))
    assert all("scope" in th for th in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    scrolled = [attrs for attrs in page.all("div") if attrs.get("class") == "table"]
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" for attrs in scrolled)


def test_negative_numbers_have_a_minus_sign(html):
    shown = re.sub(r"<style>.*?</style>|<[^>]*>", "\n", html, flags=re.DOTALL)
    assert re.findall(r"(?m)^.*(?<![^\s(\[])-\.?\d.*$", shown) == []
    assert len(re.findall(r"−\.?\d", shown)) > 20


def test_verdict_comes_first_in_plain_words(html):
    text = html[html.index("<main") :]
    assert text.index("Synthetic rows help.") < text.index("Lift by classifier")
    assert text.index("What it does not mean") < text.index("Lift by classifier")


def test_no_patient_and_no_extreme_gets_through(html):
    everything = html + workflow.to_json(summary())
    assert [word for word in SENTINELS if word in everything] == []
    assert "987654" not in everything


def test_names_from_the_table_are_escaped(html):
    assert "stage <b>" not in html
    assert "stage &lt;b&gt;" in html


def test_rendering_again_from_json_gives_the_same_page(html):
    again = report.render_report(json.loads(workflow.to_json(summary())))
    assert again == html


def test_card_is_the_json_of_the_page(html):
    raw = re.search(r'<pre id="augment-card"[^>]*><code>(.*?)</code>', html, re.DOTALL)[1]
    card = json.loads(escaping.unescape(raw))
    assert card == report.report_card(json.loads(workflow.to_json(summary())))
    assert card["studies"][0]["verdict"] == "helps"
    assert card["studies"][0]["lift"]["roc_auc"]["lower"] is not None


@pytest.mark.parametrize("verdict", ["helps", "no evidence", "harms", "equivalent"])
def test_every_verdict_renders_with_nothing_optional(verdict):
    result = dataclasses.replace(
        example_result(external=False), verdict=verdict, equivalent_rows=None, notes=()
    )
    html = report.build_lift_report(result, title="A <title>")
    Page(html)
    assert f"Verdict: {verdict}" in html
    assert "A &lt;title&gt;" in html
    assert "No learning curve was run" in html


def test_two_generators_share_a_page():
    study = report.summarise_study(example_result())
    other = {**study, "name": "TabularGAN", "verdict": "no evidence"}
    html = report.render_report(report.summarise_report([study, other]))
    page = Page(html)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert "TabularVAE: synthetic rows help." in html
    assert "TabularGAN: no evidence that synthetic rows help." in html


def test_missing_numbers_are_said_to_be_missing():
    result = example_result()
    gone = result.summary.assign(lower=np.nan, upper=np.nan)
    html = report.build_lift_report(dataclasses.replace(result, summary=gone))
    assert "n/a" in html
    assert ">nan" not in html.lower()


def test_foreign_and_empty_reports_are_refused():
    with pytest.raises(InvalidInputError, match="format"):
        report.render_report({"format": 99})
    with pytest.raises(InvalidInputError, match="at least one"):
        report.summarise_report([])


def test_bars_hold_enough_rows_and_add_up():
    real, synthetic = tables()
    columns = {entry["name"]: entry for entry in compare_columns(real, synthetic)}
    assert columns["empty"]["kind"] == "hidden"
    assert columns["age"]["missing_real"] == pytest.approx(31 / 150)
    for name in ("age", "marker", "seen"):
        column = columns[name]
        n = real[name].notna().sum()
        assert sum(column["real"]) == pytest.approx(1)
        assert sum(column["synthetic"]) == pytest.approx(1)
        assert min(column["real"]) * n >= MIN_ROWS - 1e-9
    assert set(columns["stage <b>"]["labels"]) == {"I", "II", "III", "IV"}
    assert 0 <= columns["age"]["gap"] <= 1


def test_equal_columns_have_no_gap():
    real, _ = tables()
    for entry in compare_columns(real, real):
        assert entry["gap"] in (None, 0)


@pytest.mark.parametrize(
    "values",
    [[5.0] * 20 + [6.0] * 20, list(range(1000)), [1e-9 * i for i in range(40)], [1e12, *range(50)]],
)
def test_odd_numbers_still_give_bars(values):
    frame = pd.DataFrame({"x": values})
    (entry,) = compare_columns(frame, frame)
    assert entry["gap"] == 0
    assert sum(entry["real"]) == pytest.approx(1)


def test_dependence_knows_signs_and_chance():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    table = pd.DataFrame(
        {
            "x": x,
            "minus": -x,
            "noise": rng.normal(size=300),
            "letter": rng.choice(list("abcd"), 300),
            "third": pd.cut(x, [-9, -0.5, 0.5, 9], labels=list("lmh")).astype(str),
        }
    )
    table["copy"] = table["letter"].str.upper()
    found = compare_dependence(table, table, keep="x")
    matrix = pd.DataFrame(found["real"], found["names"], found["names"])
    assert matrix.loc["x", "minus"] == -1
    assert matrix.loc["letter", "copy"] == pytest.approx(1, abs=0.01)
    assert matrix.loc["x", "third"] > 0.8
    assert abs(matrix.loc["noise", "letter"]) < 0.2
    assert found["left_out"] == 0
    assert compare_dependence(table[["x"]], table[["x"]]) is None


def test_wide_tables_show_the_strongest_columns():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 30))).rename(columns=str)
    found = compare_dependence(table, table, keep="29")
    assert len(found["names"]) == 20
    assert "29" in found["names"]
    assert found["left_out"] == 10


def image_lift(**changes):
    """The example as a study of slices: synthetic ones are added to classical augmentation."""
    result = example_result()
    names = {"augmented": "classical_augmented", "jitter": "classical"}

    def renamed(frame):
        return frame.assign(arm=frame["arm"].replace(names))

    lines = result.summary.query("arm == 'augmented'").drop(columns=["mean", "sd"])
    lines = lines.assign(arm="classical_augmented", reference="classical", lift=0.0321)
    lines = lines.assign(group_lower=-0.0123, group_upper=0.077, n_groups=20)
    roles = {"judged": "classical_augmented", "reference": "classical", "copies": "bootstrap"}
    return dataclasses.replace(
        result,
        summary=renamed(result.summary),
        calibration=renamed(result.calibration),
        comparisons=lines,
        settings={
            **result.settings,
            "roles": roles,
            "arms": [
                "real",
                "augmented",
                "classical",
                "classical_augmented",
                "classical_bootstrap",
            ],
            "synthetic_weight": 0.2,
        },
        external=dataclasses.replace(result.external, summary=renamed(result.external.summary)),
        **changes,
    )


def test_slices_are_judged_on_top_of_classical_augmentation():
    study = report.summarise_study(image_lift(), name="ImageVAE", unit="slice")
    found = report.summarise_report([study])
    html = report.render_report(found)
    Page(html)
    assert "Synthetic slices help." in html
    assert "trained on the real slices with classical augmentation alone" in html
    assert "Real, classically augmented" in html
    assert "over patients −1.2 to +7.7" in html
    assert "Real rows" not in html
    told = found["studies"][0]["methods"]
    assert "each counting 0.2 times as much as a real one, both with classical aug" in told
    assert "Controls, scored alike: classical + copies." in told
    assert report.report_card(found)["studies"][0]["lift"]["roc_auc"]["lift"] == 0.0321


def test_arms_of_ones_own_are_shown():
    result = example_result(external=False)
    own = result.summary.query("arm == 'smote'").assign(arm="my_generator")
    whole = pd.concat([result.summary, own], ignore_index=True)
    html = report.build_lift_report(dataclasses.replace(result, summary=whole))
    assert "My generator" in html
