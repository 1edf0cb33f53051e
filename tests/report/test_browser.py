"""The report in a real browser: complete, quiet, and inside the width of the screen."""

import dataclasses
import json

import numpy as np
import pytest

from augment import report
from tests.lift_example import example_result
from tests.report import chromium
from tests.report.test_images import HELD, LABELS, NEW, NEW_LABELS, PATIENTS, REAL, Walker
from tests.report.test_report import history, tables
from tests.report.trust_example import example_fidelity, example_privacy

PHONE, DESKTOP = 390, 1280
# What sticks out of the page: nothing may, but what scrolls inside its own box.
OVERFLOW = """
[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.table, pre, .skip, svg') && e.getBoundingClientRect().width > 0)
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.tagName + '.' + e.className)
"""
EMPTY = """
[...document.querySelectorAll('figure svg, img')]
  .filter(e => {
    const box = e.getBoundingClientRect();
    return box.width < 40 || box.height < 20 || (e.tagName === 'IMG' && !e.naturalWidth);
  })
  .map(e => e.getAttribute('aria-label') || e.alt)
"""
# Contrast of the text of the page (not of the drawings) as WCAG 2 computes it.
CONTRAST = """
(() => {
  const light = c => {
    const v = c.map(x => x / 255).map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2];
  };
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length) continue;
    const svg = e.closest('svg');
    const style = getComputedStyle(e);
    const a = light(parse(svg ? style.fill : style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push(e.tagName + ' ' + e.textContent.trim().slice(0, 30) + ' ' + ratio);
  }
  return bad;
})()
"""


def pages():
    """A page of a table and one of slices, each with everything on it."""
    real, synthetic = tables()
    trust = {"fidelity": example_fidelity(), "privacy": example_privacy("copies found")}
    table = report.summarise_study(
        example_result(), real=real, synthetic=synthetic, target="outcome", history=history(),
        **trust,
    )  # fmt: skip
    other = report.summarise_study(
        dataclasses.replace(example_result(), verdict="harms"), name="TabularGAN", **trust
    )
    pictures = report.image_section(
        REAL, NEW, LABELS, NEW_LABELS, groups=PATIENTS, holdout=HELD, generator=Walker(),
        show_real_images=True, show_patients=True,
    )  # fmt: skip
    slices = report.summarise_study(None, name="ImageVAE", images=pictures, unit="slice")
    return {"table": [table], "two": [table, other], "slices": [slices]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, studies in pages().items():
        html = report.render_report(report.summarise_report(studies, subtitle="heart.csv"))
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def window():
    program = chromium.find()
    if program is None:
        pytest.skip("no Chromium: install Debian's chromium to look at the report in a browser")
    with chromium.browser(program) as window:
        yield window


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("name", ["table", "two", "slices"])
def test_page_is_complete_quiet_and_fits(window, folder, name, width, scripts):
    window.open(folder / f"{name}.html", width, scripts=scripts)
    assert window.evaluate("document.querySelectorAll('figure svg, img').length") > 3
    assert window.evaluate(EMPTY) == []
    assert window.evaluate(OVERFLOW) == []
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    assert window.of("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded") == []
    asked = [event["request"]["url"] for event in window.of("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert sum(url.startswith("file:") for url in asked) == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["table", "slices"])
def test_text_stands_out_from_its_ground(window, folder, name, dark):
    window.open(folder / f"{name}.html", DESKTOP, dark=dark)
    window.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert window.evaluate(CONTRAST) == []


def test_keyboard_reaches_everything_and_shows_where_it_is(window, folder):
    window.open(folder / "table.html", DESKTOP)
    wanted = window.evaluate(
        "[...document.querySelectorAll('a, summary, [tabindex=\"0\"]')]"
        ".filter(e => !e.closest('details:not([open])') || e.tagName === 'SUMMARY').length"
    )
    seen, outlines = [], []
    place = "[...document.querySelectorAll('*')].indexOf(document.activeElement)"
    for _ in range(wanted):
        for kind in ("rawKeyDown", "keyUp"):
            key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
            window.call("Input.dispatchKeyEvent", type=kind, **key)
        seen.append(window.evaluate(place))
        outlines.append(window.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert seen == sorted(set(seen))  # each once, in the order of the page
    assert set(outlines) == {"solid"}


@pytest.mark.parametrize("name", ["table", "slices"])
def test_screen_reader_hears_landmarks_headings_and_figures(window, folder, name):
    window.open(folder / f"{name}.html", DESKTOP)
    nodes = window.call("Accessibility.getFullAXTree")["nodes"]
    heard = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if "role" in n]
    roles = {role for role, _ in heard}
    assert {"banner", "navigation", "main", "contentinfo", "region", "heading"} <= roles
    assert ("table" in roles) == (name == "table")
    pictures = [name for role, name in heard if role in ("image", "img")]
    assert len(pictures) > 5
    assert all(len(name) > 20 for name in pictures)


def test_print_keeps_to_the_paper(window, folder, tmp_path):
    window.open(folder / "table.html", DESKTOP)
    window.save("Page.printToPDF", tmp_path / "page.pdf", preferCSSPageSize=True)
    data = (tmp_path / "page.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert 3 <= data.count(b"/Type /Page\n") <= 15
    window.call("Emulation.setEmulatedMedia", media="print")
    hidden = window.evaluate(
        "[...document.querySelectorAll('.skip, .contents')].map(e => getComputedStyle(e).display)"
    )
    window.call("Emulation.setEmulatedMedia", media="")
    assert set(hidden) == {"none"}


def test_card_can_be_read_by_a_program(window, folder):
    window.open(folder / "two.html", DESKTOP)
    card = json.loads(window.evaluate("document.getElementById('augment-card').textContent"))
    assert [study["verdict"] for study in card["studies"]] == ["helps", "harms"]
    assert np.isfinite(card["studies"][0]["privacy"]["strongest"]["auc"])
