"""URLs of deliveries, what is remembered of them, and the keys that seal links."""

from mail.tracked import Kind, UrlMode
from store import keys, tracked_urls
from store.tracked_urls import Remembered, TrackedDelivery, TrackedUrl


def test_what_a_delivery_tracks_is_read_as_it_was_put(store):
    urls = (
        TrackedUrl(1, "", "open", "", UrlMode.ENABLED, Kind.OPEN),
        TrackedUrl(2, "https://shop.test/{{ id }}", "Shop", "", UrlMode.ALWAYS, Kind.CLICK),
    )
    tracked = TrackedDelivery("http://127.0.0.1:8026", True, False, 12.5, None, urls)
    store.write_now(tracked_urls.put, 7, tracked)
    assert store.read_now(tracked_urls.of, 7) == tracked
    assert store.read_now(tracked_urls.of, 8) is None


def test_what_is_remembered_of_a_url_is_the_last_word(store):
    never = Remembered(UrlMode.NEVER, "Legal", "footer")
    always = never.__class__(UrlMode.ALWAYS, "Legal", "footer")
    store.write_now(tracked_urls.remember, {"https://a.test": always, "https://b.test": never}, 1.0)
    store.write_now(tracked_urls.remember, {"https://a.test": never}, 2.0)
    asked = ["https://a.test", "https://b.test", "https://c.test"]
    assert store.read_now(tracked_urls.remembered, asked) == dict.fromkeys(asked[:2], never)
    store.write_now(tracked_urls.forget, asked[:1])
    assert list(store.read_now(tracked_urls.remembered, asked)) == asked[1:2]


def test_a_lab_gets_one_first_key_and_the_newest_seals(store):
    one, two, three = (each * 32 for each in (b"1", b"2", b"3"))
    assert store.read_now(keys.keys) is None
    assert store.write_now(keys.first, lambda: one, 1.0).keys == (one,)
    assert store.write_now(keys.first, lambda: two, 2.0).keys == (one,)
    assert store.write_now(keys.rotate, two, 3.0).keys == (two, one)
    assert store.write_now(keys.rotate, three, 4.0).keys == (three, two, one)
    assert store.write_now(keys.withdraw, 2) == 1
    assert store.read_now(keys.keys).keys == (three, two)
