"""The page of a message: its way, where its time went, what was said, and why it waits."""

from lab.compose import traces_of
from mta.trace.line import Direction, Ends, Line, Subject, encode
from tests.fakes.web_server import serving


def page(served, message):
    answer = served.client.get(f"/messages/{message}")
    assert answer.status_code == 200, answer.text
    return answer.text


def newest(served, path, **params):
    key = path.removeprefix("/")
    found = served.client.get("/api/v1" + path, params={**params, "limit": 1}).json()
    return found.get("messages", found.get(key, found.get("entries")))[0]


def test_a_message_that_waits_shows_every_gate_up_to_the_one_that_holds_it(served):
    stuck = newest(served, "/log", delivery=2)
    html = page(served, stuck["id"])
    assert 'id="gate-affinity_not_configured"' in html
    assert "blocked" in html
    assert 'id="gate-delivery_not_confirmed"' in html
    assert "gates behind it, not reached" in html
    assert "It was not tried yet" in html


def test_a_message_that_is_put_off_shows_its_attempts_and_their_delays(served):
    html = page(served, newest(served, "/log", delivery=3)["id"])
    assert html.count("put off: it is tried again") >= 2
    assert "mailbox full" in html
    assert "not traced" in html
    assert "before queue" in html
    assert "mtalab trace on --delivery 3" in html


def test_a_bounce_and_what_a_reader_did_stand_on_it(served):
    bounce = newest(served, "/bounces")
    html = page(served, bounce["message"])
    assert f"mtalab bounces show {bounce['id']}" in html
    assert "it came back after it was accepted" in html
    read = newest(served, "/tracking")
    assert f'id="tracking-{read["id"]}"' in page(served, read["message_id"])


def test_it_leads_to_its_neighbours_its_address_and_the_received_mail(served):
    first = page(served, 1)
    assert 'rel="next" href="/messages/2"' in first
    assert 'rel="prev"' not in first
    assert 'href="/inbox/inbox-' in first
    assert 'href="/recipients/' in first
    assert 'rel="next"' not in page(served, 60)  # the next is of another delivery


def test_a_kept_lab_offers_no_action(served):
    assert "data-post" not in page(served, newest(served, "/log", delivery=2)["id"])


def test_an_unknown_message_is_a_404(served):
    assert served.client.get("/messages/999999").status_code == 404


def record(loaded, change):
    """A connection made for the attempt of this transition: 40 ms until EHLO's reply."""
    folder = traces_of(loaded)
    folder.mkdir(parents=True, exist_ok=True)
    worker = f"{change['mta']}-{change['worker_id']}"
    began = change["at"] - change["duration_ms"] / 1000 - 0.04
    ends = Ends(worker, "127.0.1.1>rest", 1, "127.0.0.1:2601", began)
    own = Subject(change["message_id"], change["delivery_id"], "home.test")
    lines = [
        Line(0.0, Direction.EVENT, "connected"),
        Line(0.01, Direction.HEARD, "220 <hello>", None, "the greeting", 0.01),
        Line(0.02, Direction.SAID, "EHLO shop.example"),
        Line(0.04, Direction.HEARD, "250 ready", None, "EHLO", 0.02),
        Line(0.04, Direction.SAID, "MAIL FROM:<bounce@shop.example>", own),
        Line(0.05, Direction.HEARD, "550 no", own, "MAIL", 0.01),
    ]
    data = b"".join(encode(ends, each) for each in lines)
    (folder / f"{worker}.jsonl").write_bytes(data)


def test_what_was_said_is_shown_where_it_was_recorded(changeable):
    with serving(changeable) as served:
        change = served.client.get("/api/v1/log/1").json()["transitions"][0]
        record(changeable, change)
        html = page(served, 1)
        assert "220 &lt;hello&gt;" in html
        assert "MAIL FROM:" in html
        assert "not traced" not in html, "the time of the connection is known then"
        assert "MAIL FROM:" not in page(served, 2)
        failed = newest(served, "/log", status="failed")
        assert f'data-post="/api/v1/log/{failed["id"]}/retry"' in page(served, failed["id"])


def test_the_browser_shows_it_at_any_width_and_keeps_what_was_unfolded(served, tab):
    stuck = newest(served, "/log", delivery=2)
    tab.set_viewport_size({"width": 360, "height": 800})
    tab.goto(f"{served.address}/messages/{stuck['id']}")
    tab.get_by_text("live", exact=True).wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    tab.get_by_text("gates behind it").click()
    with tab.expect_response(lambda answer: f"/messages/{stuck['id']}" in answer.url):
        tab.evaluate("document.dispatchEvent(new Event('look-again'))")
    tab.wait_for_timeout(100)
    assert tab.locator("#behind").evaluate("each => each.open")
