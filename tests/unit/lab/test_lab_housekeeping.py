"""Files that nobody needs, what is kept how long, and pruning by the clock."""

import asyncio
import contextlib
import os

import pytest

from affinity.errors import BadConfiguration
from lab.configuration import Loaded, configuration_from
from lab.housekeeping import files
from lab.housekeeping.daily import Daily, next_at
from lab.housekeeping.prune import Kind, cuts, look, prune
from lab.machine import ThisMachine
from lab.up_lock import up_lock
from sinks.append_file import AppendFile
from store import audit, deliveries, modules, vacuum
from store.errors import StoreUnavailable
from store.schema import open_store
from tests.fakes.clock import FakeClock
from tests.fakes.log import NotingLog

DAY = 86_400.0


@pytest.fixture
def opened(migrated_file, tmp_path):
    (tmp_path / "lab.db").write_bytes(migrated_file.read_bytes())
    store = open_store(f"sqlite:///{tmp_path / 'lab.db'}")
    yield store
    store.close()


def loaded_of(folder, text=""):
    return Loaded(configuration_from(text, "mtalab.toml"), folder / "mtalab.toml", folder, text)


def worker(store, folder, name, state=None):
    """A worker with a journal."""
    stem = folder / "journal" / name
    stem.parent.mkdir(exist_ok=True)
    for suffix in (".a", ".b"):
        stem.with_suffix(suffix).touch()
    process = modules.Process("host", 4711, 1)
    number = store.write_now(modules.register_worker, "m", ["main"], str(stem), process, 1.0)
    if state is not None:
        store.write_now(modules.end_worker, number, state, 2.0)
    return stem


def test_what_is_kept_how_long_is_read(tmp_path):
    text = '[retention]\naudit = "3d"\nvisitors = "off"\ndaily = "04:30"\n'
    loaded = loaded_of(tmp_path, text)
    assert loaded.configuration.retention.daily == 4.5 * 3600
    found = cuts(loaded, 100 * DAY, [Kind.VISITORS, Kind.AUDIT, Kind.DELETED], None)
    assert found == {Kind.DELETED: 93 * DAY, Kind.AUDIT: 97 * DAY}
    assert cuts(loaded, 100 * DAY, [Kind.VISITORS], DAY) == {Kind.VISITORS: 99 * DAY}


@pytest.mark.parametrize(
    "line",
    ['daily = "4:00"', 'daily = "24:00"', "audit = -1", 'audit = "long"', 'receipts = "20d"'],
)
def test_what_cannot_be_is_refused(line, tmp_path):
    with pytest.raises(BadConfiguration):
        loaded_of(tmp_path, f"[retention]\n{line}\n")


def test_receipts_may_be_kept_for_as_long_as_the_logs(tmp_path):
    text = '[retention]\nreceipts = "20d"\ndelivery_logs = "20d"\n'
    assert loaded_of(tmp_path, text).configuration.retention.receipts == 20 * DAY


def test_journals_go_whose_workers_ended(opened, tmp_path):
    loaded = loaded_of(tmp_path)
    living = worker(opened, tmp_path, "m-living")
    ended = worker(opened, tmp_path, "m-ended", modules.DEAD)
    full = worker(opened, tmp_path, "m-full", modules.DEAD)
    full.with_suffix(".a").write_bytes(b"{torn")
    stray = tmp_path / "journal" / "m-stray.a"
    stray.touch()
    found = [path.stem for each in files.journals(opened, loaded) for path in each.paths]
    assert found == ["m-ended", "m-ended", "m-stray"]
    assert files.damaged_journals(opened, loaded) == [full.with_suffix(".a")]
    with up_lock(tmp_path, ends_by_signal=False):  # it may be a worker's that is just starting
        found = [path.stem for each in files.journals(opened, loaded) for path in each.paths]
        assert found == ["m-ended", "m-ended"]
    assert living.with_suffix(".a").exists()
    assert ended.with_suffix(".a").exists()


def test_copies_of_purged_deliveries_go(opened, tmp_path):
    known = tmp_path / "tracking" / "known"
    known.mkdir(parents=True)
    for name in ("1.json", "7.json", "keys.json"):
        (known / name).touch()
    now = FakeClock().now()
    new = deliveries.NewDelivery("x", "a", 0, 8, now, now, now, "m", b"")
    assert opened.write_now(deliveries.create, new) == 1
    [found] = files.known_deliveries(opened, loaded_of(tmp_path))
    assert found.paths == (known / "7.json",)


def aged(path, at):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x\n")
    os.utime(path, (at, at))


def test_traces_go_by_their_age(tmp_path):
    aged(tmp_path / "traces" / "old.jsonl", 100.0)
    aged(tmp_path / "traces" / "new.jsonl", 300.0)
    [found] = files.traces(loaded_of(tmp_path), 200.0)
    assert found.paths == (tmp_path / "traces" / "old.jsonl",)
    assert found.size == 2


def test_receipts_stay_while_a_sink_writes_them_or_they_prove_anything(opened, tmp_path):
    loaded = loaded_of(tmp_path)
    for name in ("receipts/a.jsonl", "receipts/a.refusals.jsonl", "inbox/a.contents"):
        aged(tmp_path / name, 100.0)
    (tmp_path / "inbox" / "a.index").touch()  # as young as the last look at the inbox
    aged(tmp_path / "receipts" / "b.jsonl", 300.0)
    [found] = files.receipts(opened, loaded, 200.0)
    assert [each.name for each in found.paths] == [
        "a.jsonl",
        "a.refusals.jsonl",
        "a.contents",
        "a.index",
    ]
    assert list(files.receipts(opened, loaded, 50.0)) == []
    with contextlib.closing(AppendFile(tmp_path / "receipts" / "a.jsonl", lines=True)):
        assert list(files.receipts(opened, loaded, 200.0)) == []


def test_pruning_removes_what_looking_found(opened, tmp_path):
    loaded, clock = loaded_of(tmp_path), FakeClock()
    worker(opened, tmp_path, "m-ended", modules.DEAD)
    for n in range(3):
        opened.write_now(audit.note, float(n), "old")
    before = cuts(loaded, clock.now(), list(Kind), None)
    told = []
    seen = look(opened, loaded, before)
    done = asyncio.run(prune(opened, loaded, clock, before, lambda *each: told.append(each)))
    assert done == seen
    gone = {each.kind: each.rows for each in done if each.rows}
    assert gone == {Kind.ORPHANS: 2, Kind.AUDIT: 2}
    assert (Kind.AUDIT, 2) in told
    assert opened.read_now(audit.entries)[-1].text == "pruned: 2 orphans, 2 audit"
    again = asyncio.run(prune(opened, loaded, clock, before, lambda *_: None))
    assert {each.kind: each.rows for each in again if each.rows} == {Kind.AUDIT: 1}


def test_the_time_of_day_comes_every_day():
    assert next_at(10.0, 3600) == 3600.0
    assert next_at(3600.0, 3600) == DAY + 3600.0
    assert next_at(DAY + 7200.0, 3600) == 2 * DAY + 3600.0


def test_the_leader_prunes_when_the_time_comes(opened, tmp_path):
    asyncio.run(_leader_prunes(opened, tmp_path))


async def _leader_prunes(opened, tmp_path):
    clock = FakeClock(now=100 * DAY + 3599.99)
    machine, log = ThisMachine(), NotingLog()
    machine.clock = clock
    leads = [False]
    for n in range(3):
        opened.write_now(audit.note, float(n), "old")
    off = loaded_of(tmp_path)
    on = loaded_of(tmp_path, '[retention]\ndaily = "01:00"\naudit = "1d"\n')
    daily = Daily(off, opened, machine, lambda: leads[0], log)
    task = asyncio.create_task(daily.run())
    await asyncio.sleep(0.05)
    clock.advance(DAY)  # switched off, nothing happens
    daily.reconfigure(on)
    await asyncio.sleep(0.05)
    clock.advance(1)
    await asyncio.sleep(0.05)
    assert log.events == []  # somebody else leads
    leads[0] = True
    clock.advance(DAY - 1.01)
    daily.reconfigure(on)
    await asyncio.sleep(0.05)
    clock.advance(1)
    for _ in range(500):
        await asyncio.sleep(0.01)
        if log.events:
            break
    assert log.events[0] == ("pruned", {"audit": 2})
    task.cancel()


def test_vacuum_gives_room_back(store):
    store.write_now(audit.note, 1.0, "x" * 2_000_000)
    before = vacuum.size(store)
    store.write_now(lambda tx: tx.connection.exec_driver_sql("DELETE FROM audit"))
    vacuum.vacuum(store)
    after = vacuum.size(store)
    assert after.whole > 0
    if store.engine.dialect.name == "sqlite":
        assert after.whole < before.whole - 1_900_000
        assert after.free == 0


def test_vacuum_needs_room(opened, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(StoreUnavailable, match="needs 0 MB of room"):
        vacuum.vacuum(opened)
