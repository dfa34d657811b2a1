"""The form of a new delivery: it checks, refuses with all that was typed, submits."""

import pytest

from store import deliveries
from tests.fakes.changeable_lab import STARTER, changeable


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with changeable(tmp_path_factory.mktemp("own")) as found:
        yield found


TYPED = {
    "label": "spring <1>",
    "affinity": "service",
    "from": "a@shop.example",
    "subject": "Hi {{ first_name }}",
    "text": "Hello",
    "recipients": "address,first_name\nann@gmail.test,Ann\nnobody,No\n",
    "track": "true",
    "priority": "normal",
}
NONE = {"message": ("", b"")}


def send(own, fields, files=NONE):
    return own.client.post("/new", data=fields, files=files)


def test_it_is_reached_from_the_deliveries(own, served):
    assert 'href="/new"' in own.client.get("/").text
    page = own.client.get("/new").text
    assert "<option>promo</option>" in page
    assert "disabled" not in page
    assert 'href="/new"' not in served.client.get("/").text
    assert "disabled" in served.client.get("/new").text, "it was kept from a simulation"


def test_it_checks_and_submits_nothing(own):
    before = len(own.lab.read(deliveries.find))
    answer = send(own, TYPED | {"do": "check"})
    assert answer.status_code == 200
    assert "What is to be said of it" in answer.text
    assert "line 3 of the recipients" in answer.text
    assert "no_way_out" in answer.text or "warning" in answer.text
    assert len(own.lab.read(deliveries.find)) == before


def test_what_is_refused_keeps_what_was_typed(own):
    answer = send(own, TYPED | {"do": "submit"})
    assert answer.status_code == 422
    assert "Nothing was submitted" in answer.text
    assert "recipients:3" in answer.text
    assert 'value="spring &lt;1&gt;"' in answer.text
    assert "<option selected>service</option>" in answer.text
    assert "ann@gmail.test,Ann\nnobody,No" in answer.text
    assert "skip_bad_rows" in answer.text


def test_it_submits_and_leads_to_the_delivery(own):
    fields = TYPED | {"do": "submit", "skip_bad_rows": "true", "key": "k1", "hold": "true"}
    answer = send(own, fields)
    assert answer.status_code == 303, answer.text
    number = int(answer.headers["location"].rpartition("/")[2])
    found = own.lab.read(deliveries.get, number)
    assert (found.label, found.affinity, found.messages) == ("spring <1>", "service", 1)
    assert found.status == "ready"
    assert send(own, fields).headers["location"] == answer.headers["location"], "pressed twice"
    changed = send(own, fields | {"label": "other"}).headers["location"]
    assert changed != answer.headers["location"]


def test_files_are_kept_as_text_where_they_are_small(own):
    mail = (STARTER / "mail.eml").read_bytes()
    files = {"message": ("mail.eml", mail), "recipients": ("people.csv", b"x" * 100_000)}
    answer = send(own, {"affinity": "promo", "do": "check"}, files)
    assert answer.status_code == 422
    assert "Its source, as it was chosen" in answer.text
    assert "does not keep it: people.csv" in answer.text


def test_a_browser_keeps_the_files_and_goes_to_the_delivery(own, tab, tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("address,first_name\nann@gmail.test,Ann\nnobody,No\n")
    tab.route("**/deliveries/*", lambda route: route.fulfill(body="there"))
    tab.goto(own.address + "/new")
    tab.get_by_label("Label").fill("by hand")
    tab.get_by_label("From").fill("a@shop.example")
    tab.get_by_label("Subject").fill("Hi")
    tab.get_by_label("Text").fill("Hello")
    tab.get_by_label("A file, CSV or JSON lines").set_input_files(people)
    tab.get_by_role("button", name="Check").click()
    tab.get_by_text("line 3 of the recipients").wait_for()
    assert tab.get_by_label("Text").input_value() == "Hello"
    tab.get_by_label("Leave out rows that cannot be sent to").check()
    tab.get_by_role("button", name="Submit").click()
    tab.wait_for_url("**/deliveries/*")
    assert own.lab.read(deliveries.find, limit=1)[0].label == "by hand"
