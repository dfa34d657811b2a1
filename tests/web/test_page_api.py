"""The page of the API: every operation is there, and what it says to do works."""

import html as markup
import re
import shlex

import pytest


@pytest.fixture(scope="module")
def html(served):
    answer = served.client.get("/api")
    assert answer.status_code == 200
    return answer.text


def commands(html):
    found = re.findall(r"<pre><code>(curl .*?)</code></pre>", html, re.DOTALL)
    return [shlex.split(markup.unescape(each)) for each in found]


def test_every_operation_of_the_description_is_on_it(served, html):
    schema = served.client.get("/openapi.json").json()
    for path, methods in schema["paths"].items():
        assert f"<code>{path}</code>" in html
        assert len(methods) <= html.count(f"<code>{path}</code>")


def test_commands_name_this_server(served, html):
    found = commands(html)
    assert len(found) > 20
    assert all(each[-1].startswith(served.address) for each in found)


def test_what_is_there_to_try_can_be_tried(served, html):
    paths = re.findall(r'href="(/api/v1/[^"]+|/livez|/readyz)" target', html)
    assert "/api/v1/deliveries" in paths
    for path in paths:
        with served.client.stream("GET", path) as answer:  # one of them never ends
            assert answer.status_code == 200, path


def test_bodies_of_its_commands_are_taken_for_what_they_are(served, html):
    """A kept lab refuses to be changed: 409, and not 422 for a body that means nothing."""
    for each in commands(html):
        if "--json" in each:
            method, body = each[each.index("-X") + 1], each[each.index("--json") + 1]
            path = each[-1].removeprefix(served.address)
            answer = served.client.request(
                method, path, content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code in (404, 409), (path, body, answer.text)


def test_operations_unfold_by_keyboard(served, tab):
    tab.goto(f"{served.address}/api")
    tab.locator("summary").first.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("details[open]").count() == 1
    assert tab.locator("details[open] pre").is_visible()
