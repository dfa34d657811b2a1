"""What the demo shows: a live view while it runs, a summary at its end."""

from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lab.demo.aftermath import Aftermath
from lab.demo.figures import Figures, Tally
from lab.demo.result import Result
from mail.reason import Reason
from mail.states import MessageStatus

_SAID = {
    "opened": "messages opened",
    "opens": "opens",
    "clicked": "messages clicked in",
    "clicks": "clicks",
    "persons": "persons who clicked",
    "opt_outs": "unsubscriptions",
    "mirror": "mirror pages",
}
_COLOURS = {
    MessageStatus.PENDING: "yellow",
    MessageStatus.SENT: "green",
    MessageStatus.FAILED: "red",
    MessageStatus.IGNORED: "magenta",
    MessageStatus.CANCELLED: "blue",
}


def live(figures: Figures, expected: int, elapsed_s: float, rate_per_s: float) -> RenderableType:
    """The view while messages are on their way."""
    done = figures.messages - figures.count(MessageStatus.PENDING)
    statuses = Table.grid(padding=(0, 2))
    for status in MessageStatus:
        statuses.add_row(Text(status, style=_COLOURS[status]), f"{figures.count(status):>6}")
    head = Table.grid(expand=True)
    head.add_column(ratio=1)
    head.add_column(justify="right")
    head.add_row(
        ProgressBar(total=max(expected, 1), completed=done),
        f" {done}/{expected} · {elapsed_s:4.1f} s · {rate_per_s:5.0f} messages/s",
    )
    return Panel(
        Group(
            head,
            Columns(
                [
                    Panel(statuses, title="messages"),
                    Panel(_tallies(figures.by_worker), title="workers"),
                    Panel(_tallies(figures.by_source_ip), title="source IPs"),
                    Panel(_tallies(figures.by_mx_group), title="MX groups"),
                ]
            ),
        ),
        title="mtalab demo",
    )


def _tallies(tallies: Mapping[str, Tally]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for column, colour in (("sent", "green"), ("deferred", "yellow"), ("failed", "red")):
        table.add_column(column, justify="right", style=colour)
    for name in sorted(tallies):
        tally = tallies[name]
        table.add_row(name, str(tally.sent), str(tally.deferred), str(tally.failed))
    return table


def summary(console: Console, result: Result) -> None:
    """The account of the whole run."""
    console.print()
    console.print(_by_status(result.figures))
    console.print(_by_source_ip(result))
    console.print(
        Text.assemble(
            (f"{result.messages_per_hour:,.0f}", "bold"),
            " messages per hour, ",
            (f"{result.bits_per_second / 1e6:,.2f}", "bold"),
            " Mbit per second, "
            f"over {result.seconds:.1f} s (retries of greylisted and deferred messages included)",
        )
    )
    console.print()
    console.print(_example(result))
    console.print(_readers(result.aftermath))
    receipts, tracking = result.aftermath.receipts, result.aftermath.tracking
    lines = (
        f"{receipts.receipts} receipts at the sinks against {receipts.sent} messages marked sent "
        f"and {receipts.bounced} that bounced later: "
        + ("every one accounted for" if receipts.is_ok() else "they do not agree"),
        f"{receipts.kept} of {receipts.returned} mails that sinks sent back are known",
        f"{tracking.lines} acts of readers against the tracking log: "
        + ("nothing lost, nothing made up" if tracking.found.is_ok else "they do not agree"),
    )
    style = "green" if result.aftermath.is_ok else "red"
    console.print(Panel("\n".join(lines), title="reconcile", style=style))


def _by_status(figures: Figures) -> Table:
    table = Table(title="Messages", box=box.SIMPLE_HEAD)
    table.add_column("status")
    table.add_column("reason")
    table.add_column("messages", justify="right")
    for (status, reason), messages in sorted(figures.by_reason.items()):
        label = "" if reason is Reason.NOT_DEFINED else reason.label.replace("_", " ")
        table.add_row(Text(status, style=_COLOURS[MessageStatus(status)]), label, str(messages))
    return table


def _by_source_ip(result: Result) -> Table:
    table = Table(title="Source IPs", box=box.SIMPLE_HEAD)
    for column in ("affinity", "source IP"):
        table.add_column(column)
    for column in ("weight", "due", "had", "sent", "deferred", "failed"):
        table.add_column(column, justify="right")
    table.caption = (
        "due: share by weight; had: share of attempts. A lane at a limit passes its turn."
    )
    for each in result.source_ips:
        table.add_row(
            each["affinity"],
            each["source_ip"],
            f"{each['weight']:g}",
            f"{each['due_share']:.1%}",
            f"{each['share']:.1%}",
            str(each["sent"]),
            str(each["deferred"]),
            str(each["failed"]),
        )
    return table


def _readers(aftermath: Aftermath) -> Table:
    table = Table(title="Readers", box=box.SIMPLE_HEAD)
    table.add_column("")
    for column in ("people really did", "measured", "without machines"):
        table.add_column(column, justify="right")
    for name, values in aftermath.figures.items():
        table.add_row(_SAID[name], *(str(each) for each in values.values()))
    return table


def _example(result: Result) -> Table:
    message, transitions = result.example
    table = Table(
        title=f"Message {message.id} to {message.address}, from first to last", box=box.SIMPLE_HEAD
    )
    for column in ("after", "event", "status", "attempt", "worker", "source IP", "reply"):
        table.add_column(column, overflow="fold")
    for each in transitions:
        reply = f"{each.code or ''} {each.text or ''}".strip()
        table.add_row(
            f"{each.at - result.started_at:.2f} s",
            each.event,
            each.to_status,
            str(each.attempt),
            f"{each.mta}-{each.worker_id}",
            each.source_ip or "",
            reply,
        )
    return table


def next_steps(console: Console, kept: Path | None) -> None:
    """Where to look next."""
    console.print(Text("Next", "bold"))
    if kept is None:
        console.print("  mtalab demo --keep LAB    the same, and the lab stays to be looked at")
    else:
        console.print(f"  cd {kept}; mtalab log --status failed; mtalab message 1; mtalab inbox")
    console.print("  mtalab init; mtalab up    a lab of your own in an empty folder")
    console.print("  docs/configuration.md     everything that mtalab.toml can say")
