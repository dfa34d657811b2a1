"""How far webhooks are told, dead letters, and the events that they are told."""

from dataclasses import replace

from sqlalchemy import insert

from lab.webhook_names import wanted
from lab.webhooks.reading import Reading
from mail.tracked import Kind, UrlMode
from store import tables, tail, tracked_urls, webhooks
from store.tracked_urls import TrackedDelivery, TrackedUrl
from store.webhooks import Cursor, Letter

LETTER = Letter("msg_1", '{"data":[]}', 3)


def test_a_webhook_begins_once(store):
    begun = store.write_now(webhooks.begin, "a", "salt", Cursor(7, 3))
    assert begun.told == Cursor(7, 3)
    assert store.write_now(webhooks.begin, "a", "other", Cursor(9, 9)) == begun
    later = replace(begun.begins(Cursor(8, 4)), attempts=2, next_at=5.0, error="answered 500")
    store.write_now(webhooks.save, later)
    assert store.read_now(webhooks.get, "a") == later
    assert later.at(Cursor(8, 4)).under_way is None
    assert store.read_now(webhooks.every) == [later]
    assert store.read_now(webhooks.get, "b") is None


def test_dead_letters_are_asked_for_and_go(store):
    webhook = store.write_now(webhooks.begin, "a", "salt", Cursor(0, 0))
    for name in ("a", "a", "b"):
        gone = replace(webhook, name=name, error="answered 500")
        store.write_now(webhooks.bury, gone, LETTER, 13, 9.0)
    first, second, other = store.read_now(webhooks.dead)
    assert (first.letter, first.attempts, first.error) == (LETTER, 13, "answered 500")
    assert store.read_now(webhooks.dead_counts) == {"a": 2, "b": 1}
    assert store.write_now(webhooks.ask_again, 10.0, "b", [first.id]) == 0
    assert store.write_now(webhooks.ask_again, 10.0, "a", [first.id]) == 1
    assert [each.id for each in store.read_now(webhooks.dead, "a", asked=True)] == [first.id]
    store.write_now(webhooks.still_dead, first.id, "no connection")
    assert store.read_now(webhooks.dead, asked=True) == []
    assert store.read_now(webhooks.dead)[0].attempts == 14
    assert store.write_now(webhooks.ask_again, 11.0, None) == 3
    store.write_now(webhooks.taken_after_all, second.id, webhook)
    assert [each.id for each in store.read_now(webhooks.dead)] == [first.id, other.id]
    assert store.write_now(webhooks.forget, "a")
    assert not store.write_now(webhooks.forget, "a")
    assert [each.id for each in store.read_now(webhooks.dead)] == [other.id]


def add_logs(store, *kinds, first=1):
    def operation(tx):
        for number, kind in enumerate(kinds, first):
            tx.connection.execute(
                insert(tables.tracking_log).values(
                    event=f"e{number}",
                    delivery_id=7,
                    message_id=1,
                    url=2,
                    kind=int(kind),
                    at=float(number),
                    person="p",
                    agent="Mozilla",
                    ip="127.0.0.1",
                )
            )

    store.write_now(operation)


def reading(*masks, batch=10):
    return Reading(wanted(masks), batch, "lab.example", tail.of_transitions(), tail.of_tracking())


def test_tracking_events_name_their_url_even_if_their_message_is_gone(store):
    url = TrackedUrl(2, "https://shop.test/", "Shop", "", UrlMode.ENABLED, Kind.CLICK)
    tracked = TrackedDelivery("http://127.0.0.1:8026", True, False, None, None, (url,))
    store.write_now(tracked_urls.put, 7, tracked)
    add_logs(store, Kind.OPEN, Kind.CLICK)
    (found,) = store.read_now(
        webhooks.tracking_events, [Kind.CLICK], after_id=0, up_to_id=99, limit=10
    )
    assert (found.kind, found.url, found.label, found.address) == (
        Kind.CLICK,
        "https://shop.test/",
        "Shop",
        None,
    )


def test_a_batch_ends_where_it_is_full_and_what_nobody_asked_for_is_passed_over(store):
    add_logs(store, *[Kind.OPEN] * 3, Kind.CLICK, *[Kind.OPEN] * 4)
    webhook = store.write_now(webhooks.begin, "a", "salt", Cursor(0, 0))
    found = store.read_now(reading("tracking.open", batch=2).next, webhook)
    assert (found.letter.events, found.until) == (2, Cursor(0, 2))
    found = store.read_now(reading("tracking.open", batch=50).next, webhook)
    assert (found.letter.events, found.until) == (7, Cursor(0, 8))
    found = store.read_now(reading("message.*").next, webhook)
    assert (found.letter, found.until) == (None, Cursor(0, 8))


def test_a_request_that_was_begun_is_made_again_as_it_was(store):
    add_logs(store, *[Kind.OPEN] * 5)
    webhook = store.write_now(webhooks.begin, "a", "salt", Cursor(0, 0))
    first = store.read_now(reading("*", batch=3).next, webhook)
    add_logs(store, Kind.CLICK, first=6)
    begun = webhook.begins(first.until)
    assert store.read_now(reading("*", batch=50).next, begun) == first


def test_a_log_that_was_emptied_is_read_from_its_new_beginning(store):
    add_logs(store, Kind.OPEN)
    webhook = store.write_now(webhooks.begin, "a", "salt", Cursor(500, 500))
    found = store.read_now(reading("*").next, webhook)
    assert found.letter is None
    told = webhook.at(found.until)
    add_logs(store, Kind.CLICK, first=2)
    found = store.read_now(reading("*").next, told)
    assert found.letter.events == 1
