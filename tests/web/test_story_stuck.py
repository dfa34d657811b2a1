"""A stuck delivery on the pages alone: submitted, pending, its cause, its fix, sent."""

import re

import pytest

from tests.fakes.running_lab import CONFIGURATION, free_ports, running_lab

# The browser and the lab share two cores with other tests.
PATIENCE_MS = 60_000
TEXT = CONFIGURATION.replace(
    'listen = "127.0.0.1:{a}"\npersonality = "steady"',
    'listen = "127.0.0.1:{a}"\npersonality = "steady"\ninbox = true',
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab that runs, with its page."""
    (port,) = free_ports(1)
    web = f'[web]\nlisten = "127.0.0.1:{port}"'
    text = TEXT.replace('[web]\nlisten = "off"', web)
    assert web in text
    assert "inbox = true" in text
    with running_lab(tmp_path_factory.mktemp("story"), text=text) as found:
        found.page = f"http://127.0.0.1:{port}"
        yield found


@pytest.fixture
def person(tab):
    """A tab whose dialogues are answered with yes."""
    tab.set_default_timeout(PATIENCE_MS)
    tab.on("dialog", lambda dialog: dialog.accept())
    return tab


def submit(person, lab, label, affinity, recipient):
    person.goto(f"{lab.page}/new")
    person.get_by_label("Label").fill(label)
    person.get_by_label("Affinity").select_option(affinity)
    person.get_by_label("From").fill("Shop <news@shop.example>")
    person.get_by_label("Subject").fill(f"About {label}")
    person.get_by_label("Text", exact=True).fill("Hello")
    person.get_by_label("Or pasted").fill(recipient)
    person.get_by_role("button", name="Submit").click()
    person.wait_for_url(re.compile(r"/deliveries/\d+$"))


def test_from_submit_to_pending_to_cause_to_fix_to_sent(lab, person):
    submit(person, lab, "stuck", "other", "ann@a.test")
    person.get_by_role("link", name="Why, and what helps").click()
    person.get_by_role("heading", name="Affinity not configured").wait_for()
    person.get_by_role("button", name="Give other to mta@m1").click()
    # Nobody loads the page anew: it hears that the message went.
    person.get_by_role("heading", name="Nothing is pending").wait_for()
    person.get_by_role("link", name="Delivery log").click()
    person.get_by_role("link", name="ann@a.test").click()
    person.get_by_role("cell", name="accepted").wait_for()
    person.get_by_role("link", name="The mail as it was received").click()
    person.get_by_role("heading", name="About stuck").wait_for()
    assert lab.json("lint")["ok"]
    assert '"other"' in lab.text


def test_what_happens_shows_up_in_an_open_page(lab, person):
    person.goto(lab.page)
    person.get_by_text("live", exact=True).wait_for()
    person.evaluate("window.isTheSame = true")
    number = lab.submit(40, "b.test")
    row = person.locator(f"#delivery-{number}")
    row.get_by_text("finished").wait_for()
    assert person.evaluate("window.isTheSame")
    assert "100.0%" in row.inner_text()


def test_a_delivery_is_held_and_cancelled_by_keyboard_alone(lab, person):
    number = lab.submit(5, affinity="nobody")
    person.goto(lab.page)
    row = person.locator(f"#delivery-{number}")
    row.wait_for()
    person.keyboard.press("j")
    assert row.locator(":focus").count() == 1
    person.keyboard.press("Enter")
    person.wait_for_url(f"**/deliveries/{number}")
    for name in ("Pause", "Cancel"):
        press(person, name)
    person.get_by_text("cancelled", exact=True).first.wait_for()
    person.keyboard.press("/")
    person.keyboard.type("weather")
    person.keyboard.press("Enter")
    person.wait_for_url("**/search?q=weather")
    assert "weather" in person.locator("main").inner_text()


def press(person, name):
    """Tab to a button, and press it."""
    person.get_by_role("button", name=name, exact=True).wait_for()
    for _ in range(60):
        person.keyboard.press("Tab")
        if person.evaluate("document.activeElement.textContent.trim()") == name:
            person.keyboard.press("Enter")
            return
    raise AssertionError(f"{name} is not reached by Tab")
