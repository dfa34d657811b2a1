"""What runs, and what an operator does to it: of a kept lab, and of one that may be changed."""

import pytest

from tests.fakes.changeable_lab import changeable, queued


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A lab that may be changed, in which nothing runs."""
    with changeable(tmp_path_factory.mktemp("own")) as found:
        queued(found)
        yield found


def test_instances_modules_and_lanes_are_shown(served):
    text = served.client.get("/mtas").text
    assert 'id="mta-m1"' in text
    assert 'href="/affinities#news">news</a>' in text
    assert 'id="module-scheduler"' in text
    assert '<th scope="row" class="mono">127.0.1.1&gt;rest</th>' in text


def test_nothing_is_to_be_done_to_a_kept_lab(served):
    text = served.client.get("/mtas").text
    assert "data-post" not in text
    assert "Suspend a destination" not in text


def test_an_instance_is_stopped_and_started(own):
    (name, *_) = own.lab.loaded.configuration.mta
    assert f'data-post="/api/v1/instances/{name}/stop"' in own.client.get("/mtas").text
    assert own.client.post(f"/api/v1/instances/{name}/stop").status_code == 200
    text = own.client.get("/mtas").text
    assert "stopped by hand" in text
    assert f'data-post="/api/v1/instances/{name}/start"' in text
    assert own.client.post(f"/api/v1/instances/{name}/start").status_code == 200
    assert "stopped by hand" not in own.client.get("/mtas").text


def test_a_lane_is_suspended_and_resumed_in_a_browser(own, tab):
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.goto(own.address + "/mtas")
    tab.get_by_label("For").fill("10m")
    tab.get_by_label("Because").fill("their outage")
    tab.get_by_role("button", name="Suspend", exact=True).last.click()
    tab.get_by_text("their outage").first.wait_for()
    many = tab.get_by_role("button", name="Resume").count()
    assert many
    tab.get_by_role("button", name="Resume").first.click()
    tab.get_by_text("is open.").wait_for()
    tab.wait_for_function(
        "many => [...document.querySelectorAll('button')]"
        ".filter(each => each.textContent === 'Resume').length === many - 1",
        arg=many,
    )
