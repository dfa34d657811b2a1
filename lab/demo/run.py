"""Runs the demo: a temporary lab, two deliveries, a look every now and then, an account."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import tomli_w

from affinity.configuration import Affinity, Table
from lab.configuration import Loaded, load
from lab.demo.aftermath import aftermath
from lab.demo.domains import DOMAINS, OPEN, domains_of_masks, open_to
from lab.demo.figures import Figures, Tally, look
from lab.demo.people import write_people
from lab.demo.result import Result
from lab.findings import findings_of
from lab.free_ports import free_ports
from lab.machine import ThisMachine
from lab.readiness import not_running
from lab.services.up import lab_of
from lab.stores import store_of
from lab.submit.submission import Order, submit
from mail.errors import EnvironmentFault, UserError
from mail.states import MessageStatus
from store import log
from store.engine import Store
from world.clock import SystemClock
from world.log import Log

HERE: Final = Path(__file__).parent
MESSAGES: Final = 2000
PORTS: Final = len(DOMAINS) + 2  # and those for bounces and tracking
SHARES: Final = {"promo": 0.7, "news": 0.3}  # of the messages; other affinities share alike
LOOK_EVERY_S: Final = 0.15
READY_WITHIN_S: Final = 20.0
DONE_WITHIN_S: Final = 45.0


class DemoStuck(EnvironmentFault):
    """The demo's lab did not start, or did not finish."""


class NothingToShow(UserError):
    """The demo cannot send by the configuration that was given."""


Show = Callable[[Figures, int, float, float], None]


def run_demo(keep: Path | None, own: Loaded | None, log: Log, show: Show) -> Result:
    """Run it from beginning to end.

    Args:
        keep: a folder that is to remain.
        own: a configuration whose instances and affinities take the place of the demo's.
        log: takes what goes wrong meanwhile.
        show: takes what is to be seen while it runs.

    Raises:
        DemoStuck: it did not come to its end in time.
        NothingToShow: no instance of that configuration could send, and why.
    """
    folder = keep if keep is not None else Path(tempfile.mkdtemp(prefix="mtalab-demo-"))
    try:
        loaded = _prepare(folder, own)
        with contextlib.closing(store_of(loaded)) as store:
            return asyncio.run(_run(loaded, store, log, show))
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _prepare(folder: Path, own: Loaded | None) -> Loaded:
    folder.mkdir(parents=True, exist_ok=True)
    text = (HERE / "lab.toml").read_text(encoding="utf-8")
    if own is not None:
        text = _with_senders_of(own, text)
    for number, port in enumerate(free_ports(["127.0.0.1"] * PORTS), 1):
        text = text.replace(f"{{port{number}}}", str(port))
    (folder / "mtalab.toml").write_text(text, encoding="utf-8")
    shutil.copy(HERE / "mail.eml", folder / "mail.eml")
    # Its page would take the port of a lab that is up; `mtalab web` shows a demo that was kept.
    loaded = load(folder / "mtalab.toml", {}, {"web.listen": "off"})
    if own is not None:
        _refuse_what_cannot_work(own, loaded)
    start = 1
    for number, (affinity, count) in enumerate(_deliveries(loaded).items()):
        write_people(folder / f"people{number}.csv", count, _domains(loaded, affinity), start)
        start += count
    return loaded


def _refuse_what_cannot_work(own: Loaded, loaded: Loaded) -> None:
    errors = [each for each in findings_of(loaded) if each.severity == "error"]
    if errors:
        raise NothingToShow(
            f"{own.path} cannot run a demo:\n" + "\n".join(str(each.finding) for each in errors),
            remedy=f"`mtalab config check --config {own.path}` checks all of it.",
        )
    if not _deliveries(loaded):
        raise NothingToShow(
            f"{own.path} has no affinity that an instance serves and a mask lets send",
            remedy="Name it under affinities of an [mta.NAME], or widen a mask.",
        )


def _domains(loaded: Loaded, affinity: str) -> Sequence[tuple[str, int]]:
    """Where mail of an affinity may go, of what the demo has a receiver for."""
    configuration = loaded.configuration
    every = [*DOMAINS, *((each, 2) for each in configuration.route[OPEN].domains[1:])]
    return open_to(configuration.affinity[affinity], every)


def _with_senders_of(own: Loaded, text: str) -> str:
    """The demo's configuration with the instances and affinities of another."""
    before, _, rest = text.partition("[mta.")
    after = rest.partition("[[mx_rule]]")[2]
    configuration = own.configuration
    senders = {
        "mta": {name: _plain(each) for name, each in configuration.mta.items()},
        "affinity": {name: _plain(each) for name, each in configuration.affinity.items()},
    }
    masked = domains_of_masks(configuration.affinity.values())
    first = f"{OPEN}.test"
    more = tomli_w.dumps({"domains": [first, *masked]})
    after = after.replace(f'domains = ["{first}"]\n', more)
    return f"{before}{tomli_w.dumps(senders)}\n[[mx_rule]]{after}"


def _plain(table: Table) -> dict[str, Any]:
    # The demo has a lease of its own, which another's heartbeat may not fit.
    return table.model_dump(mode="json", exclude_defaults=True, exclude={"heartbeat"})


def _deliveries(loaded: Loaded) -> dict[str, int]:
    """Messages for each affinity that an instance serves and that may send somewhere."""
    configuration = loaded.configuration
    served = [
        name
        for name in configuration.affinity
        if any(name in each.affinities for each in configuration.mta.values())
        and _domains(loaded, name)
    ]
    if not served:
        return {}
    shares = SHARES if set(served) == set(SHARES) else dict.fromkeys(served, 1 / len(served))
    counts = {name: int(MESSAGES * share) for name, share in shares.items()}
    counts[served[0]] += MESSAGES - sum(counts.values())
    return counts


async def _run(loaded: Loaded, store: Store, log: Log, show: Show) -> Result:
    clock, folder = SystemClock(), loaded.path.parent
    async with asyncio.TaskGroup() as tasks:
        said = loaded.path.with_name("up.log")
        lab = lab_of(loaded, ThisMachine(), lambda: loaded, log, output=said)
        running = tasks.create_task(lab.run(), name="lab")
        try:
            await _wait_until_ready(loaded, store, clock)
            started_at, started = clock.now(), clock.monotonic()
            for number, affinity in enumerate(_deliveries(loaded)):
                _submit(loaded, store, clock, affinity, folder / f"people{number}.csv")
            seconds = await _watch(store, clock, started, show)
            came_back = await aftermath(store, loaded, clock)
            figures = look(store)
        finally:
            running.cancel()
    return Result(
        figures=figures,
        expected=MESSAGES,
        seconds=seconds,
        started_at=started_at,
        source_ips=_shares(loaded, figures),
        example=_example(store),
        aftermath=came_back,
    )


async def _wait_until_ready(loaded: Loaded, store: Store, clock: SystemClock) -> None:
    """All workers announced, the scheduler leading, the sinks listening."""
    deadline = clock.monotonic() + READY_WITHIN_S
    while clock.monotonic() < deadline:
        if not not_running(store, loaded):
            return
        await asyncio.sleep(LOOK_EVERY_S)
    said = loaded.path.with_name("up.log").read_text(encoding="utf-8", errors="replace")
    raise DemoStuck(
        f"the demo's processes did not start within {READY_WITHIN_S:g} s; they said:\n{said}",
        remedy="A busy machine may need another try.",
    )


def _submit(loaded: Loaded, store: Store, clock: SystemClock, affinity: str, people: Path) -> None:
    order = Order(
        message=people.with_name("mail.eml"),
        recipients=people,
        affinity=affinity,
        label=f"Lamps by {affinity}",
        contact_at=clock.now(),
        validity_s=loaded.configuration.validity,
    )
    submit(store, loaded, clock, order, lambda *_: None)


async def _watch(store: Store, clock: SystemClock, started: float, show: Show) -> float:
    """Look until nothing is pending; returns the seconds that it took."""
    done_before, at_before, rate = 0, started, 0.0
    while True:
        figures = look(store)
        now = clock.monotonic()
        done = figures.messages - figures.count(MessageStatus.PENDING)
        rate = 0.7 * rate + 0.3 * (done - done_before) / max(now - at_before, 0.001)
        done_before, at_before = done, now
        show(figures, MESSAGES, now - started, rate)
        if done == MESSAGES:
            return now - started
        if now - started > DONE_WITHIN_S:
            return now - started  # the account shows what is still pending
        await asyncio.sleep(LOOK_EVERY_S)


def _shares(loaded: Loaded, figures: Figures) -> Sequence[Mapping[str, Any]]:
    """Each source IP against its weight, over all attempts of its affinity."""
    rows = []
    # Affinities with the same source IPs (one, with several names): their figures are one.
    alike: dict[Affinity, list[str]] = {}
    for name, affinity in loaded.configuration.affinity.items():
        alike.setdefault(affinity, []).append(name)
    for affinity, names in alike.items():
        tallies = {ip.address: figures.by_source_ip.get(ip.address, Tally()) for ip in affinity.ip}
        attempts = sum(tally.attempts for tally in tallies.values())
        weights = sum(ip.weight for ip in affinity.ip)
        for ip in affinity.ip:
            tally = tallies[ip.address]
            rows.append(
                {
                    "affinity": ";".join(names),
                    "source_ip": ip.address,
                    "weight": ip.weight,
                    "due_share": round(ip.weight / weights, 4),
                    "share": round(tally.attempts / max(attempts, 1), 4),
                    "attempts": tally.attempts,
                    "sent": tally.sent,
                    "deferred": tally.deferred,
                    "failed": tally.failed,
                    "bytes": tally.bytes,
                }
            )
    return rows


def _example(store: Store) -> tuple[log.Message, Sequence[log.Transition]]:
    """A message with a story: one that was sent after it had been deferred."""
    transitions = store.read_now(log.transitions, log.Filter(status=MessageStatus.SENT), limit=5000)
    told = max(transitions, key=lambda each: (each.attempt, -each.id), default=None)
    number = 1 if told is None else told.message_id
    return store.read_now(log.message, number)
