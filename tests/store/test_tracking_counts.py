"""The tracking log's own figures beside its counters', on both databases."""

from mail.tracked import Kind
from store import tables, tracking_accounts
from store.tracking_accounts import Counter


def row(number, kind, *, message=1, url=2, person="p", machine=None):
    return {
        "event": f"e{number}",
        "delivery_id": 1,
        "message_id": message,
        "url": url,
        "kind": int(kind),
        "at": 100.0 + number,
        "person": person,
        "agent": "",
        "ip": "",
        "machine": machine,
        "page": None,
        "amount": None,
        "articles": None,
    }


ROWS = [
    row(1, Kind.OPEN, url=1, person=""),
    row(2, Kind.CLICK),
    row(3, Kind.CLICK),
    row(4, Kind.CLICK, message=2, person="q", machine="head"),
    row(5, Kind.OPT_OUT, message=3, url=3, person=""),
]


def write(tx, rows):
    tx.connection.execute(tables.tracking_log.insert(), rows)


def test_rows_come_by_pages(store):
    store.write_now(write, ROWS)
    first = store.read_now(tracking_accounts.logs, 0, 3)
    rest = store.read_now(tracking_accounts.logs, first[-1].id, 3)
    assert [each.kind for each in first + rest] == [Kind(each["kind"]) for each in ROWS]
    assert [each.is_machine for each in first + rest] == [False, False, False, True, False]


def test_figures_of_the_log(store):
    store.write_now(write, ROWS)
    found = store.read_now(tracking_accounts.counts_of_rows)
    of_all = {key.name: count for key, count in found.items() if not key.is_of_humans}
    of_humans = {key.name: count for key, count in found.items() if key.is_of_humans}
    assert of_all == {
        "logs of URL 1, open": 1,
        "logs of URL 2, click": 3,
        "logs of URL 3, opt_out": 1,
        "opened": 3,
        "clicked": 2,
        "opt_outs": 1,
        "persons": 2,
    }
    assert of_humans == {
        "logs of URL 1, open": 1,
        "logs of URL 2, click": 2,
        "logs of URL 3, opt_out": 1,
        "opened": 2,
        "clicked": 1,
        "opt_outs": 1,
        "persons": 1,
    }


def count(tx):
    names = ("delivery_id", "url", "kind", "slot", "is_machine", "logs", "amount", "articles")
    rolled = [(1, 2, 1, 0, False, 2, 0.0, 0), (1, 2, 1, 1, True, 1, 0.0, 0)]
    tx.connection.execute(
        tables.rollup_tracking.insert(), [dict(zip(names, each, strict=True)) for each in rolled]
    )
    names = ("delivery_id", "domain", "humans", "opened", "clicked", "opt_outs", "persons")
    engaged = [
        (1, "a.test", 0, 2, 1, 0, 1),
        (1, "b.test", 0, 1, 1, 0, 1),
        (1, "a.test", 1, 1, 1, 0, 1),
    ]
    tx.connection.execute(
        tables.rollup_engagement.insert(), [dict(zip(names, each, strict=True)) for each in engaged]
    )


def test_figures_of_the_counters(store):
    store.write_now(count)
    assert store.read_now(tracking_accounts.counts_of_counters) == {
        Counter(1, "logs of URL 2, click", False): 3,
        Counter(1, "logs of URL 2, click", True): 2,
        Counter(1, "opened", False): 3,
        Counter(1, "clicked", False): 2,
        Counter(1, "persons", False): 2,
        Counter(1, "opened", True): 1,
        Counter(1, "clicked", True): 1,
        Counter(1, "persons", True): 1,
    }
    assert store.read_now(tracking_accounts.counted_by_kind, 1) == {Kind.CLICK: 3}
    assert store.read_now(tracking_accounts.counted_by_kind, None) == {Kind.CLICK: 3}
    assert store.read_now(tracking_accounts.counted_by_kind, 2) == {}
