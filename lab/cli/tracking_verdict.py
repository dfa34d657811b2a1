"""The answer of ``mtalab reconcile --tracking``, for people and for programs."""

import contextlib
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.cli.output import console, print_json
from lab.configuration import Loaded
from lab.stores import store_of

if TYPE_CHECKING:
    from lab.tracking_accounts import TrackingAccount

_MEANINGS: Final = {
    "missing": "done by a reader, and not in the tracking log",
    "phantom": "in the tracking log, and done by no reader",
    "wrong_kind": "in the tracking log as something else",
}
_FIGURES: Final = {
    "opened": "messages opened",
    "opens": "opens",
    "clicked": "messages clicked",
    "clicks": "clicks",
    "persons": "persons who clicked",
    "opt_outs": "unsubscriptions",
    "mirror": "mirror pages",
}
_SHOWN: Final = 5  # of each kind


def reconcile_tracking(loaded: Loaded, *, json: bool) -> int:
    """Print the verdict; returns the exit code."""
    from lab.tracking_accounts import tracking_account

    with contextlib.closing(store_of(loaded)) as store:
        account = tracking_account(store, loaded)
    if json:
        print_json(account.as_json())
    else:
        _print(account, console())
    return 0 if account.found.is_ok else 1


def _print(account: "TrackingAccount", output: Console) -> None:
    found = account.found
    values = account.as_json()
    words = f"{found.acts} acts to be recorded, {found.records} records, {found.pairs} pairs"
    if found.merged:
        words += f", {found.merged} opens that another one stands for"
    if found.in_doubt:
        words += f", {found.in_doubt} in doubt"
    output.print(words)
    for kind, meaning in _MEANINGS.items():
        count, samples = values[kind]["events"], values[kind]["samples"]
        if count:
            shown = "; ".join(str(each) for each in samples[:_SHOWN])
            more = "; …" if count > _SHOWN else ""
            output.print(Text.assemble((f"{count} {meaning}", "red"), f": {shown}{more}"))
    for each in found.differences[:_SHOWN]:
        whose = f"delivery {each.counter.delivery_id}, {each.counter.name}"
        whose += ", of humans" if each.counter.is_of_humans else ""
        output.print(Text(f"{whose}: counter {each.counted}, log {each.rows}", "red"))
    _print_figures(account, output)
    marks = found.marks
    if marks.precision is not None or marks.recall is not None:
        output.print(
            f"machines: {marks.machines_marked} marked, {marks.machines_missed} missed; "
            f"people: {marks.people_marked} marked, {marks.people_left} left "
            f"(precision {_percent(marks.precision)}, recall {_percent(marks.recall)})"
        )
    if found.is_ok:
        output.print(Text("all that was done is recorded, and nothing else", "green"))
    else:
        output.print(Text("they do not agree", "red"))
        if found.missing.count:
            output.print("Events may be on their way: ask again some seconds later.")


def _print_figures(account: "TrackingAccount", output: Console) -> None:
    table = Table()
    table.add_column("figure")
    for name in ("really", "measured", "without machines"):
        table.add_column(name, justify="right")
    for name, columns in account.figures.as_json().items():
        table.add_row(_FIGURES[name], *(str(each) for each in columns.values()))
    output.print(table)


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f} %"
