"""``mtalab why``: why messages are pending, and what would set them free."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.host_facts import host_facts
from lab.kept import now_of
from lab.lane_names import matching
from lab.shapes.why import as_json
from lab.stores import store_of
from mail.errors import UserError, Where
from monitor.lanes import LaneLine, lane_lines
from monitor.why.ceiling import Ceiling, ceilings
from monitor.why.diagnosis import Diagnosis, Finding, causes, diagnose
from store import log
from world.clock import SystemClock

SHOWN: Final = 5  # groups of a cause; --json has all
_STYLES = {"passed": "green", "failed": "red", "not reached": "dim"}


class TwoQuestions(UserError):
    """More than one of a message, a delivery, a lane and everything was asked for."""


def register(app: typer.Typer) -> None:
    @app.command(name="why")
    def command(
        message: Annotated[
            int | None, typer.Argument(metavar="[MESSAGE]", help="Its number in the log.")
        ] = None,
        delivery: Annotated[int | None, typer.Option(help="Only what it has pending.")] = None,
        lane: Annotated[
            str | None,
            typer.Option(help="A lane, as of `lane list`: what it can let through, what waits."),
        ] = None,
        everything: Annotated[
            bool, typer.Option("--all", help="All that is pending; so too without any of these.")
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Why messages are pending, by cause. Exit code 1: some need a change to move."""
        asked = [each is not None for each in (message, delivery, lane)]
        if sum(asked) + everything > 1:
            raise TwoQuestions(
                "a message, --delivery, --lane and --all are different questions",
                where=Where(key="MESSAGE"),
                remedy="Ask one of them.",
            )
        loaded = loaded_from(config)
        now = now_of(loaded, SystemClock())
        with contextlib.closing(store_of(loaded)) as store:
            found = diagnose(
                store,
                loaded.configuration,
                now,
                delivery=delivery,
                message=message,
                seen=host_facts(store, now),
            )
            row = None if message is None else store.read_now(log.message, message)[0]
            lines = lane_lines(store, loaded.configuration, now) if lane is not None else []
        tops: dict[str, Ceiling] = {}
        if lane is not None:
            keys = matching(lane, lines)
            found = _on_lanes(found, [each for each in lines if each.lane in keys])
            tops = ceilings(loaded.configuration, keys)
        if json:
            print_json(as_json(found, row, tops))
        else:
            _print(found, row, tops)
        raise typer.Exit(1 if any(each.blocked for each in found.findings) else 0)


def _on_lanes(found: Diagnosis, lines: Sequence[LaneLine]) -> Diagnosis:
    """What is in hand on these lanes, and what waits for their MX groups."""
    lanes, groups = {each.lane for each in lines}, {each.mx_group for each in lines}
    return Diagnosis(
        found.now,
        tuple(
            each
            for each in found.findings
            if (each.mx_group in groups if each.lane is None else each.lane in lanes)
        ),
    )


def _print(found: Diagnosis, row: log.Message | None, tops: Mapping[str, Ceiling]) -> None:
    output = console()
    if row is not None:
        _print_message(found, row, output)
        return
    for lane, top in tops.items():
        _print_lane(lane, top, output)
    if not found.findings:
        output.print("Nothing is pending.")
        return
    are = "message is" if found.messages == 1 else "messages are"
    output.print(f"{found.messages:,} {are} pending.")
    for code in causes(found):
        _print_cause([each for each in found.findings if each.code == code], output)


def _print_cause(group: Sequence[Finding], output: Console) -> None:
    """One code: how many, then the largest groups with what mends them."""
    first, messages = group[0], sum(each.messages for each in group)
    style = "red" if any(each.blocked for each in group) else "yellow" if first.cause else "green"
    output.print()
    output.print(Text.assemble((first.code, f"bold {style}"), f"  {_said(messages)}"))
    largest = sorted(group, key=lambda each: -each.messages)
    for each in largest[:SHOWN]:
        where = f"delivery {each.delivery_id} to {each.mx_group}, {each.messages:,} {each.place}: "
        output.print(Text.assemble("  ", (where, "dim"), each.words))
        _print_end(each, "    ", output)
    if len(largest) > SHOWN:
        left = sum(each.messages for each in largest[SHOWN:])
        output.print(Text(f"  and {_said(left)} in {len(largest) - SHOWN} more groups", "dim"))


def _print_end(each: Finding, indent: str, output: Console) -> None:
    if each.fix:
        command = f"  $ {each.command}" if each.command else ""
        output.print(Text.assemble(indent, each.fix, (command, "bold")))
    if each.cause is not None and each.earliest_at is not None:
        output.print(f"{indent}It can go at {moment(each.earliest_at)} at the earliest.")


def _said(messages: int) -> str:
    return f"{messages:,} message" + ("" if messages == 1 else "s")


def _print_message(found: Diagnosis, row: log.Message, output: Console) -> None:
    output.print(f"message {row.id} of delivery {row.delivery_id} to {row.address}: {row.status}")
    if not found.findings:
        output.print("It waits for nothing." if row.status != "pending" else "It has just gone.")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("gate", "", "what is so"):
        table.add_column(column, overflow="fold")
    for each in found.chain:
        evidence = _told(each.evidence)
        words = f"{each.words}\n{evidence}" if evidence else each.words
        table.add_row(each.cause, Text(each.answer, _STYLES[each.answer]), words)
    output.print(table)
    [one] = found.findings
    output.print(Text.assemble((one.code, "bold"), f": {one.words}"))
    _print_end(one, "", output)


def _told(evidence: Mapping[str, Any]) -> str:
    return "; ".join(f"{name} = {value}" for name, value in evidence.items())


def _print_lane(lane: str, top: Ceiling, output: Console) -> None:
    if top.messages_per_hour is not None:
        most = f"at most {top.messages_per_hour:,} messages an hour"
    elif top.per_second_of_answer is not None:
        most = f"at most {top.per_second_of_answer:,} messages an hour if each takes a second"
    else:
        most = "no ceiling"
    output.print(f"lane {lane}: {most} ({top.setting})")
