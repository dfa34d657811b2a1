"""``mtalab addresses``: which addresses are not sent to, and why; release, denylist, allow them."""

import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from lab.cli.log import reason_named, time_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.lifetime import this_user
from lab.stores import store_of
from mail.address import canonical_domain, parse_address
from mail.address_status import AddressStatus
from mail.errors import UserError
from store import address_search, addresses, audit
from store.address_search import Selection
from store.engine import Store
from world.clock import SystemClock

StatusOption = Annotated[
    list[AddressStatus] | None, typer.Option("--status", "-s", help="May be given several times.")
]
DomainOption = Annotated[str | None, typer.Option(help="The domain after the @.")]
ReasonOption = Annotated[str | None, typer.Option(help="Such as mailbox_full.")]
TextOption = Annotated[
    str | None, typer.Option(help="Mask of the last error's text, with * and ?: '*try later*'.")
]
SinceOption = Annotated[str | None, typer.Option(help="Counted since: a time, or 2h ago as 2h.")]
UntilOption = Annotated[str | None, typer.Option(help="Counted before: a time, or 2h ago as 2h.")]
AddressesArgument = Annotated[list[str], typer.Argument(metavar="ADDRESS…")]
BecauseOption = Annotated[str, typer.Option(help="Why; kept with the address.")]


class NothingChosen(UserError):
    """A release in bulk that says not which."""


class UnknownAddress(UserError):
    """An address of which nothing is known."""


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True,
        help="Addresses with errors, in quarantine, denylisted or allowlisted.",
    )
    app.add_typer(group, name="addresses")
    _register_looking(group)
    _register_releasing(group)
    _register_deciding(group)
    _register_files(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command(name="list")
    def listing(
        status: StatusOption = None,
        domain: DomainOption = None,
        reason: ReasonOption = None,
        text: TextOption = None,
        since: SinceOption = None,
        until: UntilOption = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 50,
        after: Annotated[
            str | None, typer.Option(help="The next page: the last address of the one before.")
        ] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """List addresses, those whose errors counted last first."""
        chosen = _selection(status or (), domain, reason, text, (since, until))
        with contextlib.closing(store_of(loaded_from(config))) as store:
            last = None if after is None else _known(store, after)
            found = store.read_now(address_search.find, chosen, limit, last)
            total = store.read_now(address_search.count, chosen)
            counts = store.read_now(address_search.counts)
        if json:
            print_json(
                {
                    "addresses": address_search.as_rows(found),
                    "matching": total,
                    "counts": {str(each): number for each, number in counts.items()},
                }
            )
            return
        _print(found)
        print(f"{len(found)} of {total}")

    @group.command()
    def show(
        address: Annotated[str, typer.Argument()],
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show what is known of one address."""
        with contextlib.closing(store_of(loaded_from(config))) as store:
            found = _known(store, address)
        (row,) = address_search.as_rows([found])
        if json:
            print_json(row)
            return
        for name, value in row.items():
            print(f"{name:9} {moment(found.counted_at) if name == 'at' else value}")


def _register_releasing(group: typer.Typer) -> None:
    @group.command()
    def release(
        address: Annotated[list[str] | None, typer.Argument(metavar="[ADDRESS]…")] = None,
        status: StatusOption = None,
        domain: DomainOption = None,
        reason: ReasonOption = None,
        text: TextOption = None,
        since: SinceOption = None,
        until: UntilOption = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Make addresses valid: some by name, or all that match, as after an outage at a provider.

        In bulk, what is denylisted or allowlisted stays so unless --status says otherwise.
        """
        chosen = _selection(status or (), domain, reason, text, (since, until))
        named = sorted({str(parse_address(each)) for each in address or ()})
        if not named:
            if chosen == Selection(chosen.statuses):
                raise NothingChosen(
                    "which addresses are to be released?",
                    remedy="Name them, or choose by --domain, --text, --reason, --since, --until.",
                )
            chosen = replace(chosen, statuses=chosen.statuses or address_search.BULK)
        with contextlib.closing(store_of(loaded_from(config))) as store:
            if named:
                for each in named:
                    _known(store, each)  # an unknown one is refused before any is released
                parts = [replace(chosen, address=each) for each in named]
            else:
                parts = [chosen]
            count = _release(store, parts, dry_run=dry_run)
        if json:
            print_json({"released": 0 if dry_run else count, "matching": count, "dry_run": dry_run})
        else:
            print(f"{count} addresses {'would be ' if dry_run else ''}released")


def _release(store: Store, chosen: list[Selection], *, dry_run: bool) -> int:
    """How many were, or would be, made valid; the audit keeps what was done."""
    parts = [
        replace(each, statuses=statuses)
        for each in chosen
        if (statuses := [one for one in each.statuses or AddressStatus if one != "valid"])
    ]
    if dry_run:
        return sum(store.read_now(address_search.count, each) for each in parts)
    now, count = SystemClock().now(), 0
    because = f"released by {this_user()}"
    for each in parts:
        while done := store.write_now(address_search.release, each, now, because):
            count += done
    if count:
        store.write_now(audit.note, now, f"{count} addresses were {because}")
    return count


def _register_deciding(group: typer.Typer) -> None:
    @group.command()
    def denylist(
        address: AddressesArgument,
        because: BecauseOption = "",
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Never send to these again; what waits for a retry to them is not tried any more."""
        _decide(address, AddressStatus.DENYLISTED, because, config, as_json=json)

    @group.command()
    def allow(
        address: AddressesArgument,
        because: BecauseOption = "",
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Send to these whatever happens: their errors are ignored."""
        _decide(address, AddressStatus.ALLOWLISTED, because, config, as_json=json)


def _decide(
    given: list[str], status: AddressStatus, because: str, config: Path | None, *, as_json: bool
) -> None:
    named = sorted({str(parse_address(each)) for each in given})
    by = " ".join((because or f"by {this_user()}").split())
    now = SystemClock().now()
    with contextlib.closing(store_of(loaded_from(config))) as store:
        count = store.write_now(addresses.decide, named, status, now, by)
        if count:
            store.write_now(audit.note, now, f"{count} addresses were {status} {by}")
    if as_json:
        print_json({"addresses": len(named), "changed": count, "status": str(status)})
    else:
        print(f"{count} of {len(named)} addresses are {status} now")


def _register_files(group: typer.Typer) -> None:
    @group.command(name="import")
    def importing(
        file: Annotated[Path, typer.Argument(help="CSV or JSON lines with a column address.")],
        status: Annotated[
            AddressStatus, typer.Option("--status", "-s", help="Of rows that name none.")
        ] = AddressStatus.DENYLISTED,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Take over addresses from a file; what is known of them is replaced."""
        from lab.address_files import import_file

        now = SystemClock().now()
        with contextlib.closing(store_of(loaded_from(config))) as store:
            done = import_file(store, file, status, now)
            total = sum(done.values())
            store.write_now(audit.note, now, f"{total} addresses imported by {this_user()}")
        if json:
            print_json({"imported": total, "counts": done})
        else:
            told = ", ".join(f"{number} {name}" for name, number in done.items() if number)
            print(f"{total} addresses imported" + (f": {told}" if told else ""))

    @group.command()
    def export(
        file: Annotated[
            Path | None, typer.Argument(help="Otherwise stdout; .csv makes it CSV.")
        ] = None,
        status: StatusOption = None,
        domain: DomainOption = None,
        csv: Annotated[bool, typer.Option("--csv", help="CSV, not JSON lines.")] = False,
        config: ConfigOption = None,
    ) -> None:
        """Write addresses as JSON lines or CSV, in a form that `import` reads."""
        from lab.address_files import exported

        chosen = _selection(status or (), domain, None, None, (None, None))
        as_csv = csv or (file is not None and file.suffix.lower() == ".csv")
        with (
            contextlib.closing(store_of(loaded_from(config))) as store,
            contextlib.ExitStack() as files,
        ):
            out = sys.stdout
            if file is not None:
                out = files.enter_context(file.open("w", encoding="utf-8", newline=""))
            out.writelines(exported(store, chosen, as_csv=as_csv))


def _selection(
    statuses: list[AddressStatus] | tuple[()],
    domain: str | None,
    reason: str | None,
    text: str | None,
    window: tuple[str | None, str | None],
) -> Selection:
    clock = SystemClock()
    return Selection(
        statuses=tuple(statuses),
        domain=None if domain is None else canonical_domain(domain),
        reason=None if reason is None else reason_named(reason),
        text=text,
        since=time_of("--since", window[0], clock),
        until=time_of("--until", window[1], clock),
    )


def _known(store: Store, address: str) -> addresses.KnownAddress:
    """The address as it is known; raises UnknownAddress."""
    wanted = Selection(address=str(parse_address(address)))
    found = store.read_now(address_search.find, wanted)
    if not found:
        raise UnknownAddress(
            f"nothing is known of {wanted.address}: it never failed, and nobody decided about it",
            remedy="`mtalab addresses list` shows those that are known; case counts before the @.",
        )
    return found[0]


def _print(found: list[addresses.KnownAddress]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("address", "status", "errors", "reason", "last counted", "delivery", "text"):
        table.add_column(column, justify="right" if column in ("errors", "delivery") else "left")
    for each in found:
        cells: list[Any] = [each.address, each.status, each.errors, each.reason.label]
        cells += [moment(each.counted_at), each.delivery_id or "", each.text[:80]]
        table.add_row(*map(str, cells))
    console().print(table)
