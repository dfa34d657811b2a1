"""What holds of every page: it answers, it says where it is, the browser refuses nothing of it."""

import pytest

from lab.web.navigation import PLACES

READY = (
    "affinities",
    "deliveries",
    "flow",
    "inbox",
    "mtas",
    "queue",
    "recipients",
    "reports",
    "scenarios",
    "sinks",
)


@pytest.mark.parametrize("place", [each for each in PLACES if each.key in READY])
def test_a_page_answers_within_its_size(served, place):
    answer = served.client.get(place.path)
    assert answer.status_code == 200
    assert f"<title>{place.label}" in answer.text
    assert 'aria-current="page"' in answer.text
    assert len(answer.content) < 60_000


@pytest.mark.parametrize("place", [each for each in PLACES if each.key in READY])
def test_a_browser_shows_it_and_hears_of_changes(served, tab, place):
    tab.goto(served.address + place.path)
    tab.get_by_text("live", exact=True).wait_for()
    assert tab.locator("h1").count() == 1


def test_what_is_live_comes_alone(served):
    answer = served.client.get("/", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert "stuck" in answer.text
