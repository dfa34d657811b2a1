"""What the doctor says of a lab that was used for long."""

import pytest
from sqlalchemy import insert

from lab.configuration import Loaded, configuration_from
from lab.doctor.upkeep import look_at_upkeep
from mail.states import DeliveryEvent
from store import deliveries, modules, retention, rollups, tables
from store.schema import open_store
from tests.fakes.clock import FakeClock

DAY = 86_400.0
CLOCK = FakeClock()
NOW = CLOCK.now()


@pytest.fixture
def lab(migrated_file, tmp_path):
    """A store, and a look at it."""
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    (tmp_path / "lab.db").write_bytes(migrated_file.read_bytes())
    store = open_store(url)
    text = f'[lab]\nstore = "{url}"\n'
    loaded = Loaded(configuration_from(text, "m.toml"), tmp_path / "m.toml", tmp_path, text)

    def look():
        return {each.subject: each for each in look_at_upkeep(loaded, CLOCK)}

    yield store, look
    store.close()


def add(store, *, at=NOW, contact_at=None, messages=0, events=()):
    """A delivery; ``events`` as they come."""
    new = deliveries.NewDelivery("x", "a", 0, 8, at, contact_at or at, at + DAY, "m", b"")

    def write(tx):
        number = deliveries.create(tx, new)
        for each in events:
            deliveries.advance(tx, number, each, at)
        table = tables.delivery
        tx.connection.execute(table.update().where(table.c.id == number).values(messages=messages))
        return number

    return store.write_now(write)


def test_a_new_lab_needs_nothing(lab):
    _, look = lab
    assert [(each.subject, each.severity) for each in look().values()] == [("upkeep", "ok")]


def test_failed_deliveries_are_left_until_they_are_deleted(lab):
    store, look = lab
    first = add(store, events=[DeliveryEvent.ANALYSIS_FAILED])
    found = look()["failed deliveries"]
    assert found.severity == "warning"
    assert found.mend == f"`mtalab delete {first}`"
    store.write_now(retention.delete, [first], "me", NOW)
    assert "failed deliveries" not in look()


def test_too_many_new_deliveries(lab):
    store, look = lab
    for _ in range(10):
        add(store)
        add(store, at=NOW - 2 * DAY)
    assert "deliveries" not in look()
    add(store)
    found = look()["deliveries"].what
    assert found.startswith("21 deliveries, 11 of them of the last day; one look of the scheduler")


@pytest.mark.parametrize(
    ("apart", "messages", "is_told"),
    [(299.0, 10_000, True), (300.0, 10_000, False), (1.0, 9_999, False)],
)
def test_large_deliveries_that_begin_together(lab, apart, messages, is_told):
    store, look = lab
    for at in (NOW + 100, NOW + 100 + apart):
        add(store, contact_at=at, messages=messages, events=[DeliveryEvent.ANALYSED])
    assert ("delivery dates" in look()) == is_told
    if is_told:
        assert "20000 messages together" in look()["delivery dates"].what


@pytest.mark.parametrize(("deferred", "is_told"), [(10, True), (9, False)])
def test_many_soft_errors(lab, deferred, is_told):
    store, look = lab
    row = {"minute": int(NOW // 60), "mta": "m", "worker_id": 1, "source_ip": "i", "mx_group": "g"}
    sums = {"sent": 100 - deferred, "deferred": deferred, "failed": 0, "bytes": 0}
    store.write_now(
        lambda tx: tx.connection.execute(insert(tables.rollup_minute).values(**row, **sums))
    )
    assert ("soft errors" in look()) == is_told


def test_inactive_addresses(lab):
    store, look = lab
    rest = {"errors": 1, "reason": 2, "text": "", "delivery_id": 1, "counted_at": NOW - 366 * DAY}
    store.write_now(
        lambda tx: tx.connection.execute(
            insert(tables.address),
            [
                {"address": "a@a.test", "status": "with_errors", **rest},
                {"address": "b@a.test", "status": "quarantined", **rest},
            ],
        )
    )
    assert look()["addresses"].what.startswith("1 addresses")


def test_old_records_are_counted(lab):
    store, look = lab
    ended = [DeliveryEvent.ANALYSED, DeliveryEvent.COMPLETED]
    old = add(store, at=NOW - 200 * DAY, messages=2, events=ended)
    new = add(store, events=ended, messages=2)

    def write(tx):
        row = {"address": "z@a.test", "domain": "a.test", "mx_group": "a", "fields": "{}"}
        rest = {"status": "sent", "attempts": 1, "changed_at": NOW}
        rows = [{"delivery_id": each, **row, **rest} for each in (old, old, new, new)]
        tx.connection.execute(insert(tables.message), rows)
        rollups.add_pending(tx, new, 0)

    store.write_now(write)
    found = look()["old records"].what
    assert "delivery logs 2 rows" in found
    assert "MB of the store" in found


def test_a_damaged_journal_is_named(lab, tmp_path):
    store, look = lab
    stem = tmp_path / "journal" / "m-1"
    stem.parent.mkdir()
    stem.with_suffix(".a").write_bytes(b"{torn")
    process = modules.Process("host", 4711, 1)
    number = store.write_now(modules.register_worker, "m", ["a"], str(stem), process, NOW)
    assert "journals" not in look()
    store.write_now(modules.end_worker, number, modules.DEAD, NOW)
    assert "m-1.a" in look()["journals"].what


def test_gaps_in_the_store(lab, monkeypatch):
    _, look = lab
    assert "store size" not in look()
    monkeypatch.setattr("lab.doctor.upkeep.STORE_LARGE_BYTES", 1000)
    assert "dry-run" in look()["store size"].mend
    monkeypatch.setattr("lab.doctor.upkeep.EMPTY_MIN_BYTES", -1)
    monkeypatch.setattr("lab.doctor.upkeep.EMPTY_MAX", -1.0)
    assert "--vacuum" in look()["store size"].mend
