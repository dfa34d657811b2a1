"""One crash in a lab of real processes: what was lost, what doubled, how long it took."""

import contextlib
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
from alembic import command
from alembic.config import Config

from lab.accounts import reconciled
from mail.states import MessageStatus
from store import log, modules, schema
from store.engine import Store
from store.schema import open_store
from tests.crash.known import known_sent
from tests.crash.points import CONNECTIONS, Point
from tests.crash.work import MESSAGES, Work, die_at_work, give_work, is_begun_early
from tests.fakes.running_lab import CONFIGURATION, WITH_SUBMISSION, RunningLab
from world.crash import HOW, VARIABLE


def _quick(text: str) -> str:
    text = text.replace("connections = 4", f"connections = {CONNECTIONS}")
    return text.replace('data = "40ms"', 'data = "20ms"')


TEXT = _quick(CONFIGURATION)


@dataclass(frozen=True)
class Seen:
    """What came of it.

    ``lost``: marked sent and not received, received and marked otherwise, or stored and gone.
    ``repeated``: of the doubled those whose first acceptance was on record when the process died,
    or had been told to whoever submitted them.
    Seconds count from the crash: until what died is replaced and what it held is taken back, and
    until every message was sent, ordinary sending included.
    """

    messages: int
    lost: int
    doubled: int
    repeated: int
    seconds_back: float
    seconds_all: float

    def is_as_promised(self, point: Point) -> bool:
        return self.lost == 0 and self.repeated == 0 and self.doubled <= point.doubles


def crash(point: Point, folder: Path, url: str | None) -> Seen:
    """Let a process die at the point, and look at what is left once the lab has recovered."""
    lab = RunningLab(folder, store_url=url, text=_quick(WITH_SUBMISSION))
    mark = folder / "crashed"
    armed = {VARIABLE: f"{point.name}:{point.nth}:{mark}"}
    try:
        if point.name == "store.migrating":
            return _while_migrating(lab, armed)
        if is_begun_early(point):
            work = give_work(point, lab)
        lab.start(**armed, **{HOW: "STOP"})
        if not is_begun_early(point):
            lab.wait_until_up()
            work = give_work(point, lab)
        if point.process == "submit":
            die_at_work(lab, armed)
            known, dead = known_sent(lab), 0
        else:
            known, dead = _kill_at(lab, mark)
        return _recovered(point, lab, work, known, dead)
    finally:
        lab.close()


def _kill_at(lab: RunningLab, mark: Path) -> tuple[set[int], int]:
    """Kill the process that has stopped at the point; returns what was known then, and its pid."""
    lab.wait(lambda: mark.exists() and mark.read_text() != "", "the crash")
    process = psutil.Process(int(mark.read_text()))
    with contextlib.suppress(psutil.NoSuchProcess):  # its parent may have been quicker
        lab.wait(lambda: process.status() == psutil.STATUS_STOPPED, "it has stopped")
        known = known_sent(lab)
        process.kill()
        return known, process.pid
    return known_sent(lab), process.pid


def _recovered(point: Point, lab: RunningLab, work: Work, known: set[int], dead: int) -> Seen:
    at = time.monotonic()
    if point.process == "up":
        lab.wait(lambda: lab.has_ended, "the supervisor is gone")
        lab.wait(lambda: not lab.processes(), "its orphans leave")
        lab.start()
    back: list[float] = []
    all_sent: list[float] = []

    def is_over() -> bool:
        if not back and _is_back(lab, dead):
            back.append(time.monotonic() - at)
        wanted = work.expected()
        if not all_sent and wanted is not None and len(set(_sent(lab.store))) >= wanted:
            all_sent.append(time.monotonic() - at)
        return bool(back and all_sent)

    lab.wait(is_over, "all is up and sent")
    assert lab.down() == 0
    seen = _account(lab, work, known)
    return Seen(*seen, back[0], all_sent[0])


def _is_back(lab: RunningLab, dead: int) -> bool:
    """Whether every process of the lab runs and nothing is in the hand of a dead one."""
    registered = lab.store.read_now(modules.live_workers)
    wanted = sum(each.workers for each in lab.loaded.configuration.mta.values())
    names = ("sinks", "submission", "scheduler")
    pids = [each.pid for each in registered]
    pids += [lab.pid_of(name) or 0 for name in names]
    pids += [each.pid for each in lab.store.read_now(modules.instances) if each.stopped_at is None]
    return (
        len(registered) == wanted
        and dead not in pids
        and all(pid and psutil.pid_exists(pid) for pid in pids)
    )


def _sent(store: Store) -> list[str]:
    """The addresses of all sent messages."""
    found = store.read_now(log.messages, log.Filter(status=MessageStatus.SENT), limit=100_000)
    return [each.address for each in found]


def _account(lab: RunningLab, work: Work, known: set[int]) -> tuple[int, int, int, int]:
    found = reconciled(lab.store, lab.loaded)
    wrong = found.lost.count + found.unmarked.count + found.in_doubt.count + found.wrong_ip.count
    sent = _sent(lab.store)
    missing = max(0, (work.expected() or 0) - len(set(sent)))
    stored_twice = [address for address, times in Counter(sent).items() if times > 1]
    repeated = len(known & set(found.duplicated.samples))
    repeated += len(set(stored_twice) - work.unheard)
    return found.messages, wrong + missing, found.duplicated.count + len(stored_twice), repeated


def _while_migrating(lab: RunningLab, armed: dict[str, str]) -> Seen:
    """A store of an older schema with messages in it, and a migration that is cut off."""
    lab.submit(MESSAGES)
    before = _rows(lab.store)
    lab.store.close()
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with closing(Store(lab.loaded.store_url)) as old, old.writing.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    die_at_work(lab, armed, "deliveries")
    at = time.monotonic()
    lab.store = open_store(lab.loaded.store_url)
    back = time.monotonic() - at
    gone = before - _rows(lab.store)
    lab.up()
    lab.wait(lambda: len(_sent(lab.store)) == MESSAGES, "all is sent")
    all_sent = time.monotonic() - at
    assert lab.down() == 0
    messages, lost, doubled, repeated = _account(lab, Work(lambda: MESSAGES), set())
    return Seen(messages, lost + gone.total(), doubled, repeated, back, all_sent)


def _rows(store: Store) -> Counter[tuple[int, str, str]]:
    found = store.read_now(log.messages, log.Filter(), limit=100_000)
    return Counter((each.id, each.address, str(each.status)) for each in found)
