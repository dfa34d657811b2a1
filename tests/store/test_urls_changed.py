"""What is said of a delivery's URLs before it begins, and keys that are withdrawn."""

import pytest

from mail.states import DeliveryEvent
from mail.tracked import Kind, UrlMode
from store import audit, deliveries, keys, tracked_urls
from store.errors import (
    KeysInUse,
    LastKey,
    LinksAreOut,
    NotForThisUrl,
    NotTracked,
    UnknownDelivery,
)
from store.tracked_urls import Change, Remembered, TrackedDelivery, TrackedUrl

SHOP = "https://shop.test/"
URLS = (
    TrackedUrl(1, "", "open", "", UrlMode.ENABLED, Kind.OPEN),
    TrackedUrl(2, "{{ unsubscribe_url }}", "unsubscribe", "", UrlMode.OPT_OUT, Kind.OPT_OUT),
    TrackedUrl(3, SHOP, "Shop", "", UrlMode.ENABLED, Kind.CLICK),
)


@pytest.fixture
def delivery(hand):
    number = hand.submit()
    tracked = TrackedDelivery("http://t.test", True, False, None, None, URLS)
    hand.do(tracked_urls.put, number, tracked)
    return number


def urls(hand, delivery):
    return hand.ask(tracked_urls.of, delivery).urls


def test_always_and_never_are_remembered_until_something_else_is_said(hand, delivery):
    done = hand.do(tracked_urls.change, delivery, 3, Change(UrlMode.NEVER, "S", "foot"), 5.0)
    assert done == TrackedUrl(3, SHOP, "S", "foot", UrlMode.NEVER, Kind.CLICK)
    assert urls(hand, delivery) == (*URLS[:2], done)
    assert hand.ask(tracked_urls.all_remembered) == {SHOP: Remembered(UrlMode.NEVER, "S", "foot")}
    done = hand.do(tracked_urls.change, delivery, 3, Change(label="T"), 6.0)
    assert hand.ask(tracked_urls.remembered, [SHOP])[SHOP].label == "T"
    done = hand.do(tracked_urls.change, delivery, 3, Change(UrlMode.OPT_OUT), 7.0)
    assert (done.kind, done.label) == (Kind.OPT_OUT, "T")
    assert hand.ask(tracked_urls.all_remembered) == {}
    said = [each.text for each in hand.ask(audit.entries, delivery_id=delivery)]
    assert said[-1] == "URL 3 is opt_out, labelled 'T'"


def test_pages_of_ours_keep_their_mode(hand, delivery):
    for number in (1, 2):
        with pytest.raises(NotForThisUrl):
            hand.do(tracked_urls.change, delivery, number, Change(UrlMode.DISABLED), 5.0)
        hand.do(tracked_urls.change, delivery, number, Change(label="L"), 5.0)
    assert [each.label for each in urls(hand, delivery)] == ["L", "L", "Shop"]


def test_nothing_is_said_of_what_there_is_not(hand, delivery):
    with pytest.raises(NotTracked, match="has no URL 9"):
        hand.do(tracked_urls.change, delivery, 9, Change(label="L"), 5.0)
    with pytest.raises(UnknownDelivery):
        hand.do(tracked_urls.change, delivery + 9, 3, Change(label="L"), 5.0)
    with pytest.raises(NotTracked, match="is not tracked"):
        hand.do(tracked_urls.change, hand.submit(), 3, Change(label="L"), 5.0)


def test_nothing_is_said_once_mails_are_out(hand, delivery):
    hand.lease(hand.worker())
    with pytest.raises(LinksAreOut, match="is in progress: mails with its links are out"):
        hand.do(tracked_urls.change, delivery, 3, Change(UrlMode.NEVER), 5.0)
    hand.do(deliveries.advance, delivery, DeliveryEvent.PAUSED, 5.0)
    hand.do(deliveries.advance, delivery, DeliveryEvent.RESUMED, 5.0)
    with pytest.raises(LinksAreOut):
        hand.do(tracked_urls.change, delivery, 3, Change(UrlMode.NEVER), 5.0)
    assert hand.ask(tracked_urls.all_remembered) == {}


def test_many_urls_are_remembered_and_forgotten(hand):
    many = {f"https://a.test/{n}": Remembered(UrlMode.ALWAYS, "", "") for n in range(2000)}
    hand.do(tracked_urls.remember, many, 1.0)
    assert hand.ask(tracked_urls.remembered, many) == many
    assert hand.do(tracked_urls.forget, [*many, "https://b.test/"]) == 2000


def test_keys_are_not_withdrawn_while_workers_seal_with_them(hand, delivery, clock):
    one, two = b"1" * 32, b"2" * 32
    hand.do(keys.first, lambda: one, clock.now())
    assert hand.do(keys.withdraw, 1) == 0
    hand.lease(hand.worker())
    hand.do(keys.rotate, two, clock.now() + 10)
    with pytest.raises(KeysInUse, match="1 deliveries"):
        hand.do(keys.withdraw, 1)
    with pytest.raises(LastKey):
        hand.do(keys.withdraw, 0)
    assert [number for number, _ in hand.ask(keys.listed)] == [2, 1]
    assert hand.do(keys.withdraw, 1, anyway=True) == 1
    assert hand.ask(keys.keys).keys == (two,)


def test_keys_seal_return_paths_of_mail_that_is_not_tracked(hand, clock):
    hand.do(keys.first, lambda: b"1" * 32, clock.now())
    hand.submit()
    hand.lease(hand.worker())
    hand.do(keys.rotate, b"2" * 32, clock.now() + 10)
    with pytest.raises(KeysInUse):
        hand.do(keys.withdraw, 1)
