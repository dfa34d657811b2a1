"""WCAG 2 A and AA, as far as a program can tell: axe looks at every page, light and dark."""

from pathlib import Path

import pytest

from lab.web.navigation import PLACES
from tests.web.addresses import PAGES, filled_in
from tests.web.test_every_page import READY

AXE = Path(__file__).with_name("vendor").joinpath("axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Frames are mails, which are their senders' and in which no script runs, not even this.
ASK = """async (tags) => {
  const found = await axe.run(document, {
    iframes: false, resultTypes: ["violations"], runOnly: { type: "tag", values: tags },
  });
  return found.violations.flatMap((each) => each.nodes.map(
    (node) => `${each.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}"""
THEME = "(theme) => { document.documentElement.dataset.theme = theme; }"


@pytest.fixture(scope="module")
def looked(chromium):
    """A tab for all pages, into which axe comes with each."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    yield page
    context.close()


def violations(page, theme):
    page.evaluate(THEME, theme)
    return page.evaluate(ASK, RULES)


@pytest.mark.parametrize("path", [each.path for each in PAGES])
def test_axe_finds_nothing(served, looked, path):
    looked.goto(served.address + filled_in(path, served))
    looked.evaluate(AXE.read_text(encoding="utf-8"))
    assert violations(looked, "light") == []
    assert violations(looked, "dark") == []


@pytest.mark.parametrize("path", [each.path for each in PAGES])
def test_no_page_is_wider_than_a_telephone(served, looked, path):
    looked.set_viewport_size({"width": 360, "height": 740})
    try:
        looked.goto(served.address + filled_in(path, served))
        width = looked.evaluate("document.documentElement.scrollWidth")
    finally:
        looked.set_viewport_size({"width": 1280, "height": 800})
    assert width <= 360


def test_axe_would_find_something(looked, served):
    looked.goto(served.address + "/sign-in")
    looked.evaluate("document.querySelector('main label').remove()")
    looked.evaluate(AXE.read_text(encoding="utf-8"))
    assert any(each.startswith("label: #token") for each in violations(looked, "light"))


def test_every_place_of_the_navigation_is_looked_at():
    assert {each.path for each in PLACES if each.key in READY} <= {each.path for each in PAGES}
