"""The pages of scenarios: what can be played, what was, and one run step by step."""

import pytest

from tests.web.test_api_scenarios import FAILS, over, play, stage

__all__ = ["stage"]  # the fixture

CASE = (
    FAILS
    + """
[[event]]
at = "10s"
do = "stop_instance"
instance = "m1"

[[expect]]
at = "10s"
counts = { sent = 3 }
"""
)


@pytest.fixture(scope="module")
def failed(stage):
    """A run that failed."""
    return over(stage, play(stage, text=CASE))


def test_the_list_tells_what_there_is_and_how_to_play_it(stage, failed):
    text = stage.client.get("/scenarios").text
    assert "A delivery for nobody, told over two lines." in text
    assert 'name="name" value="gallery/greylisted"' in text
    assert 'value="own/torn"' not in text  # it cannot be read
    assert f'data-href="/scenarios/runs/{failed["run"]}"' in text
    live = stage.client.get("/scenarios", headers={"HX-Request": "true"}).text
    assert "the case" in live
    assert "<form" not in live  # what is typed in stays as it is


def test_a_lab_to_look_at_has_nothing_to_press(served):
    text = served.client.get("/scenarios").text
    assert "Nothing was played yet" in text
    assert "data-post" not in text


def test_a_run_that_failed_says_what_was_expected_and_seen(stage, failed):
    text = stage.client.get(f"/scenarios/runs/{failed['run']}").text
    assert 'class="status failed"' in text
    assert "Not as expected: sent: expected 4, seen 3" in text
    assert "mtalab web --config" in text
    assert f"--seed {failed['seed']}" in text
    assert stage.client.get("/scenarios/runs/999").status_code == 404


def test_a_step_tells_what_was_then_and_had_happened(stage, failed):
    def step(index):
        return stage.client.get(f"/scenarios/runs/{failed['run']}/steps/{index}")

    first = step(0).text
    assert "<html" not in first
    assert "Nothing yet." in first
    number = next(
        place for place, each in enumerate(failed["steps"]) if each["event"] == "stop instance m1"
    )
    text = step(number).text
    assert 'data-said="after 10 s: 0 pending, 3 sent, 0 failed"' in text
    assert text.index("delivery 1: 3 messages") < text.index("stop instance m1")
    assert step(len(failed["steps"])).status_code == 404


def test_a_run_that_broke_off_says_why(stage):
    text = CASE + '[[event]]\nat = "11s"\ndo = "kill"\nwhat = "mta@none"\n'
    found = over(stage, play(stage, text=text))
    assert found["state"] == "broken"
    page = stage.client.get(f"/scenarios/runs/{found['run']}").text
    assert "no mta@none runs at 11 s" in page
    assert "not all were reached" in page


def test_one_is_played_and_walked_through_by_keyboard(stage, tab):
    tab.goto(f"{stage.address}/scenarios")
    tab.get_by_label("Seed for the case").fill("3")
    tab.get_by_role("button", name="Play the case").press("Enter")
    tab.wait_for_url("**/scenarios/runs/*")
    tab.get_by_text("all held").wait_for(timeout=60_000)
    slider = tab.get_by_role("slider", name="Time")
    tab.locator("#chart canvas").wait_for()
    slider.focus()
    slider.press("Home")
    tab.get_by_text("Nothing yet.").wait_for()
    assert slider.get_attribute("aria-valuetext").startswith("after 0 s:")
    slider.press("Tab")
    tab.keyboard.press("Enter")
    tab.locator("li[aria-current=step]", has_text="delivery 1: 3 messages").wait_for()
    said = tab.locator("output").text_content()
    assert (
        said == slider.get_attribute("aria-valuetext") == "after 2 s: 3 pending, 0 sent, 0 failed"
    )
    assert tab.get_by_role("button", name="Next event").get_attribute("aria-disabled") == "true"
    slider.press("End")
    tab.get_by_text("Nothing is pending.").wait_for()
