"""Readers in a simulated lab: what a server is asked for by each kind of persona."""

from collections import Counter

import pytest

from tests.fakes.reading_lab import MAIL, read

ALL = "[topology.reader.a]\nopens = 1.0\ndelay = '1h'\n"


def test_people_open_and_then_click_with_the_cookie_that_they_were_given():
    lab = read(ALL + "clicks = 1.0\nmore_clicks = 0.9\n", messages=10)
    assert not lab.complaints
    assert lab.asked("/r/pixel") == ["GET /r/pixel"] * 10
    clicks = [each for each in lab.server.requests if each.target != "/r/pixel"]
    assert {each.target for each in clicks} == {"/r/offer", "/r/news"}
    jars = Counter(each.cookie for each in clicks)
    assert jars.pop("") == 10  # each person's first click is how the server gets to know them
    given = {each.cookie for each in lab.done("click") if each.cookie}
    assert set(jars) <= given
    assert len(given) == 10
    assert len(lab.done("click")) == len(clicks)
    assert all(each.location == "https://shop.example/" for each in lab.done("click"))


def test_without_cookies_each_click_is_another_person():
    lab = read(ALL + "clicks = 1.0\nmore_clicks = 0.8\ncookies = false\n", messages=10)
    assert {each.cookie for each in lab.server.requests} == {""}


def test_a_forwarded_message_is_opened_by_another_person():
    lab = read(ALL + "clicks = 1.0\nforwards = 1.0\n", messages=5)
    clicks = lab.done("click")
    assert {each.who for each in clicks} == {"recipient", "friend"}
    assert len(lab.asked("/r/pixel")) == 10


def test_text_has_no_pixel_and_links_of_its_own():
    lab = read(ALL + "clicks = 1.0\ntext_only = true\n", messages=20)
    assert set(lab.asked()) == {"GET /r/text"}
    assert {each.result for each in lab.done("open")} == {"unseen"}
    results = Counter(each.result for each in lab.done("click"))
    assert results["done"] > 0
    assert results["elsewhere"] > 0  # the other link leads out of this machine, and is not followed


@pytest.mark.parametrize(("proxy", "opens"), [("unseen", 0), ("seen", 10)])
def test_a_proxy_fetches_images_at_delivery(proxy, opens):
    lab = read(ALL + f"proxy = '{proxy}'\n", messages=10)
    assert len(lab.done("prefetch")) == 10
    assert len(lab.asked("/r/pixel")) == 10 + opens
    assert all("ImageProxy" in each.agent for each in lab.server.requests)
    assert {each.is_machine for each in lab.done("open")} == {False}
    assert all(each.at < 1_767_571_260 for each in lab.done("prefetch"))


def test_a_scanner_follows_every_link_within_a_second():
    lab = read(
        "[topology.reader.a]\nopens = 0.0\nscanner = true\nscanner_heads = 0.5\n", messages=10
    )
    assert {each.method for each in lab.server.requests} == {"GET", "HEAD"}
    targets = Counter(each.target for each in lab.server.requests)
    assert targets == dict.fromkeys(("/r/offer", "/r/news", "/u/all", "/m/all", "/r/text"), 10)
    by_message = {}
    for each in lab.done("scan"):
        by_message.setdefault(each.message_id, []).append(each.at)
    assert all(max(times) - min(times) < 1.0 for times in by_message.values())


def test_unsubscribing_by_page_is_a_look_and_then_a_button():
    lab = read(ALL + "unsubscribes = 1.0\n", messages=3)
    asked = [each for each in lab.asked("/u/") if each.startswith("GET")]
    posted = [each for each in lab.server.requests if each.method == "POST"]
    assert asked == ["GET /u/all"] * 3
    assert [each.target for each in posted] == ["/u/all?"] * 3 or len(posted) == 3
    assert {each.body for each in posted} == {b"sure=yes"}


def test_unsubscribing_by_one_click_is_one_post():
    lab = read(ALL + "unsubscribes = 1.0\nunsubscribes_by = 'one_click'\n", messages=3)
    posted = [each for each in lab.server.requests if each.target.startswith("/u/")]
    assert {(each.method, each.target, each.body) for each in posted} == {
        ("POST", "/u/header", b"List-Unsubscribe=One-Click")
    }


def test_weights_decide_what_is_clicked():
    lab = read(ALL + "clicks = 1.0\nclick_weights = { 'news' = 1, '*' = 0 }\n", messages=10)
    assert set(lab.asked("/r/")) == {"GET /r/pixel", "GET /r/news"}


def test_whoever_is_nobody_s_reads_nothing():
    lab = read("[topology.reader.a]\nopens = 1.0\nrecipients = ['user3@*']\n")
    assert {each.recipient for each in lab.entries} == {"user3@example.test"}


def test_with_no_server_there_it_is_tried_again_and_then_told():
    lab = read(ALL + "[topology.readers]\nretries = 2\nretry_delay = '10s'\n", server=False)
    assert {each.result for each in lab.entries} == {"failed"}
    assert len(lab.entries) == 20
    assert not lab.complaints


def test_what_a_server_did_not_answer_is_in_doubt_and_not_asked_again(monkeypatch):
    monkeypatch.setattr("tests.fakes.tracking_server.TrackingServer.hangs_up", True)
    monkeypatch.setattr(
        "tests.fakes.tracking_server.TrackingServer.__init__",
        lambda self: setattr(self, "requests", []),
    )
    lab = read(ALL, messages=5)
    assert {each.result for each in lab.entries} == {"doubt"}
    assert len(lab.server.requests) == 5


def test_mail_that_cannot_be_read_stops_nobody():
    lab = read(ALL + "[topology.readers]\nlargest_message = 1000\n", mail=MAIL + "x" * 2000)
    assert {each.result for each in lab.entries} == {"nothing"}
    assert not lab.complaints


KILLED = "".join(
    f'[[event]]\nat = "{at}"\ndo = "kill"\nwhat = "readers"\n' for at in ("40m", "50m", "65m", "3h")
)


def test_a_killed_process_goes_on_and_does_nothing_twice():
    reader = "[topology.reader.a]\nopens = 1.0\ndelay = '1h'\nclicks = 0.5\nscanner = true\n"
    steady, killed = read(reader, messages=40), read(reader, messages=40, text=KILLED)
    assert not killed.complaints
    asked = Counter(each.key for each in killed.entries)
    assert max(asked.values()) == 1
    assert set(asked) == {each.key for each in steady.entries}
    assert len(killed.server.requests) == len(steady.server.requests)


def test_the_same_seed_makes_the_same_acts():
    text = (
        "[topology.reader.a]\nlike = 'eager'\nshare = 0.5\n[topology.reader.b]\nlike = 'guarded'\n"
    )
    first, second = read(text, messages=60), read(text, messages=60)
    assert first.entries == second.entries
    other = read(text + "[topology.readers]\nseed = 2\n", messages=60)
    assert other.entries != first.entries
