"""``mtalab mta``: run one instance alone; list, stop and start those of a running lab."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Final

import typer

from lab.cli.durations import seconds_of
from lab.cli.instance_names import Name, instance_of
from lab.cli.options import ConfigOption, JsonOption, LogOption, loaded_from, service
from lab.cli.output import ago, console, print_json
from lab.configuration import Loaded
from lab.lifetime import this_user
from lab.stores import store_of
from mail.errors import UserError
from monitor.status import LOST_AFTER_S
from store import halts, modules, queues
from store.engine import Store
from world.clock import Clock, SystemClock

LOOK_EVERY_S: Final = 0.1

Within = Annotated[str, typer.Option(help="How long to wait for it, such as 30s; 0s: not at all.")]


@dataclass(frozen=True, slots=True)
class Line:
    """One instance as an operator sees it; times in epoch seconds."""

    name: str
    state: str  # running, stopped, stopped by hand, lost, not configured
    workers: int  # that live
    configured: int
    affinities: tuple[str, ...]
    in_hand: int  # messages
    halted_at: float | None
    halted_by: str | None


def register(app: typer.Typer) -> None:
    mta = typer.Typer(
        no_args_is_help=True, help="MTA instances: run one alone; list, stop and start them."
    )
    app.add_typer(mta, name="mta")

    @mta.command()
    def run(
        name: Name,
        json: JsonOption = False,
        log_format: LogOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Run one MTA instance and its worker processes, apart from `mtalab up`."""
        from lab.machine import ThisMachine
        from lab.services.instance import run_instance
        from lab.services.loop import in_loop

        given = service(config, json=json, log=log_format)
        loaded, instance = given.loaded, instance_of(given.loaded, name)
        in_loop(
            run_instance(loaded, instance, given.reload, given.log(f"mta@{name}"), ThisMachine())
        )

    @mta.command(name="list")
    def listing(json: JsonOption = False, config: ConfigOption = None) -> None:
        """List the instances: state, workers, affinities, messages in hand."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            found = _lines(store, loaded, now)
        if json:
            print_json([asdict(each) for each in found])
            return
        _print(found, now)

    _register_control(mta)


def _register_control(mta: typer.Typer) -> None:
    @mta.command()
    def stop(
        name: Name, within: Within = "30s", json: JsonOption = False, config: ConfigOption = None
    ) -> None:
        """Stop an instance until it is started again; its mail waits, through restarts too."""
        loaded, clock = loaded_from(config), SystemClock()
        with contextlib.closing(store_of(loaded)) as store:
            _known(loaded, store, name)
            done = store.write_now(halts.halt, name, this_user(), clock.now())
            left = _wait(clock, within, lambda: _live(store, name, clock.now()))
        if json:
            print_json({"instance": name, "changed": done, "workers": left})
        else:
            was = "is stopped" if done else "was stopped already"
            still = f"; {left} of its workers are still at work" if left else ""
            print(f"mta@{name} {was}{still}; `mtalab mta start {name}` starts it")
        raise typer.Exit(1 if left else 0)

    @mta.command()
    def start(
        name: Name, within: Within = "30s", json: JsonOption = False, config: ConfigOption = None
    ) -> None:
        """Start an instance that was stopped by hand."""
        loaded, clock = loaded_from(config), SystemClock()
        with contextlib.closing(store_of(loaded)) as store:
            _known(loaded, store, name)
            done = store.write_now(halts.lift, name, this_user(), clock.now())
            wanted = _wanted(store, loaded, name, clock.now())
            missing = _wait(clock, within, lambda: max(wanted - _live(store, name, clock.now()), 0))
        if json:
            print_json({"instance": name, "changed": done, "workers": wanted - missing})
        else:
            was = "may run again" if done else "was not stopped by hand"
            how = f"; {wanted - missing} of {wanted} workers run" if wanted else ""
            idle = "" if wanted else "; it does so with the next `mtalab up`"
            print(f"mta@{name} {was}{how}{idle}")
        raise typer.Exit(1 if missing else 0)


def _known(loaded: Loaded, store: Store, name: str) -> None:
    """An instance of the configuration, or one of which the store knows from before."""
    try:
        instance_of(loaded, name)
    except UserError:
        if name not in store.read_now(halts.halts):
            raise


def _live(store: Store, name: str, now: float) -> int:
    """Workers of the instance that live, or died so lately that nobody knows."""
    return sum(
        each.instance == name and now - each.heartbeat_at <= LOST_AFTER_S
        for each in store.read_now(modules.live_workers)
    )


def _wanted(store: Store, loaded: Loaded, name: str, now: float) -> int:
    """How many workers will come: none where no process of the instance runs to start them."""
    mta = loaded.configuration.mta.get(name)
    runs = any(
        each.name == name and each.stopped_at is None and now - each.heartbeat_at <= LOST_AFTER_S
        for each in store.read_now(modules.instances)
    )
    return mta.workers if mta is not None and runs else 0


def _wait(clock: Clock, within: str, left: Callable[[], int]) -> int:
    """Look until nothing is left; returns what is at the end."""
    deadline = clock.monotonic() + seconds_of(within, "--within")

    async def look() -> int:
        while True:
            count = left()
            if not count or clock.monotonic() >= deadline:
                return count
            await asyncio.sleep(LOOK_EVERY_S)

    return asyncio.run(look())


def _lines(store: Store, loaded: Loaded, now: float) -> list[Line]:
    stopped = store.read_now(halts.halts)
    announced = {each.name: each for each in store.read_now(modules.instances)}
    workers = store.read_now(modules.live_workers)
    instance_of_worker = {each.id: each.instance for each in workers}
    in_hand: Counter[str] = Counter()
    for each in store.read_now(queues.in_hand):
        in_hand[instance_of_worker.get(each.worker_id, "")] += each.messages
    configured = loaded.configuration.mta
    found = []
    for name in [*configured, *sorted(stopped.keys() - configured.keys())]:
        halt, mta = stopped.get(name), configured.get(name)
        found.append(
            Line(
                name,
                _state(halt, announced.get(name), now, is_configured=mta is not None),
                _live(store, name, now),
                0 if mta is None else mta.workers,
                () if mta is None else mta.affinities,
                in_hand[name],
                None if halt is None else halt.at,
                None if halt is None else halt.by,
            )
        )
    return found


def _state(
    halt: halts.Halt | None, announced: modules.Instance | None, now: float, *, is_configured: bool
) -> str:
    if not is_configured:
        return "not configured"
    if halt is not None:
        return "stopped by hand"
    if announced is None or announced.stopped_at is not None:
        return "stopped"
    return "running" if now - announced.heartbeat_at <= LOST_AFTER_S else "lost"


def _print(found: list[Line], now: float) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for column in ("instance", "state", "workers", "affinities", "in hand", ""):
        table.add_column(column, justify="right" if column in ("workers", "in hand") else "left")
    for each in found:
        style = "" if each.state == "running" else "yellow"
        halted = (
            "" if each.halted_at is None else f"{ago(now - each.halted_at)} by {each.halted_by}"
        )
        table.add_row(
            f"mta@{each.name}",
            Text(each.state, style),
            f"{each.workers}/{each.configured}",
            ", ".join(each.affinities),
            str(each.in_hand),
            halted,
        )
    console().print(table)
