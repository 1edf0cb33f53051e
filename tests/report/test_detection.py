"""The page of a search for anomalies, given names that nobody should give."""

import numpy as np
import pytest

from augment.report.detection import render_detection, summarise_detection
from tests.report.page import Page

NASTY = "<img src=x onerror=alert(1)>\"'&</svg><script>alert(2)</script>"


@pytest.mark.filterwarnings("error")
def test_names_from_the_data_stay_text():
    scores = np.random.default_rng(0).normal(size=(2, 20))
    line = {"auprc": 0.5, "difference": -0.1, "difference_lower": -0.2, "difference_upper": 0.1}
    line |= {"auroc": 0.9, "lower": 0.8, "upper": 0.95}
    summary = summarise_detection(
        title=NASTY,
        subtitle=NASTY,
        generator=NASTY,
        n_train=20,
        n_calibration=20,
        units=NASTY,
        rate=0.1,
        normal_scores=scores[0],
        scores=scores[1],
        offset=-1.0,
        flagged=scores[1] < -1,
        top=[{"row": NASTY, "p": 0.1, "flagged": True, "why": NASTY}],
        columns={NASTY: 0.5, "b": 0.2},
        comparison=[
            {"detector": NASTY, "kind": "baseline", **line},
            {"detector": "own", "kind": "own", **line},
        ],
        pictures=[{"png": "", "width": 1, "height": 1, "caption": NASTY}],
        settings={NASTY: {NASTY: [NASTY]}},
    )
    html = render_detection(summary)
    page = Page(html)
    assert page.all("script") == []
    assert len(page.all("img")) == 1
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "&lt;script&gt;" in html
