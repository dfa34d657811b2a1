"""WCAG 2 A and AA, as far as a program can tell: axe looks at every page, light and dark."""

from pathlib import Path

import pytest

from lab.web.navigation import PLACES
from tests.web.addresses import PAGES, filled_in
from tests.web.test_every_page import READY

AXE = Path(__file__).with_name("vendor").joinpath("axe.min.js")
ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}
# Frames are mails, which are their senders' and in which no script runs, not even this.
ASK = """async ([theme, rules]) => {
  document.documentElement.dataset.theme = theme;
  const found = await axe.run(document, {
    iframes: false, resultTypes: ["violations"], runOnly: rules,
  });
  return found.violations.flatMap((each) => each.nodes.map(
    (node) => `${each.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}"""
DESK, TELEPHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def looked(chromium):
    """A tab for all pages, into which axe comes with each."""
    context = chromium.new_context(viewport=DESK, reduced_motion="reduce")
    page = context.new_page()
    yield page
    context.close()


def show(looked, served, path):
    looked.goto(served.address + filled_in(path, served))
    looked.evaluate(AXE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [each.path for each in PAGES])
def test_axe_finds_nothing_and_a_telephone_is_wide_enough(served, looked, path):
    show(looked, served, path)
    assert looked.evaluate(ASK, ["light", ALL]) == []
    assert looked.evaluate(ASK, ["dark", CONTRAST]) == [], "what else there is does not change"
    looked.set_viewport_size(TELEPHONE)
    width = looked.evaluate("document.documentElement.scrollWidth")
    looked.set_viewport_size(DESK)
    assert width <= TELEPHONE["width"]


def test_axe_would_find_something(looked, served):
    show(looked, served, "/sign-in")
    looked.evaluate("document.querySelector('main label').remove()")
    assert any(each.startswith("label: #token") for each in looked.evaluate(ASK, ["light", ALL]))


def test_every_place_of_the_navigation_is_looked_at():
    looked_at = {each.path.partition("?")[0] for each in PAGES}
    assert {each.path for each in PLACES if each.key in READY} <= looked_at
