"""``mtalab submit``: a message and its recipients become a delivery."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from lab.acting.approval import check_first, confirm_if_clean
from lab.checks.checking import Asked
from lab.checks.finding import Finding
from lab.cli.approval import Approval, ApproveOption, CheckedOption, tell_findings
from lab.cli.completion import affinity_names
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import moment, print_json, progress_bar, say
from lab.shapes.submitted import as_json as submitted_as_json
from lab.stores import store_of
from lab.submit.submission import Order, Submitted, submit
from lab.submit.terms import contact_at, priority_of, validity_of
from world.clock import SystemClock

WAVES_SHOWN: Final = 12


def register(app: typer.Typer) -> None:
    @app.command(name="submit")
    def command(
        message: Annotated[Path, typer.Option("--message", "-m", help="Message source, an .eml.")],
        recipients: Annotated[
            Path, typer.Option("--recipients", "-r", help="CSV or JSON lines; - for stdin.")
        ],
        affinity: Annotated[
            str,
            typer.Option(
                "--affinity", "-a", help="Affinity to send by.", autocompletion=affinity_names
            ),
        ],
        label: Annotated[str | None, typer.Option(help="Its name in lists.")] = None,
        at: Annotated[
            str | None, typer.Option(help="Contact date: 2026-12-24T08:00, or +10m from now.")
        ] = None,
        priority: Annotated[str, typer.Option(help="low, normal, high or a number.")] = "normal",
        validity: Annotated[
            str | None, typer.Option(help="How long it may try, such as 2d; else as configured.")
        ] = None,
        address_column: Annotated[
            str | None, typer.Option(help="Column of the addresses; else address or email.")
        ] = None,
        skip_bad_rows: Annotated[
            bool, typer.Option("--skip-bad-rows", help="Write bad rows to a file and go on.")
        ] = False,
        waves: Annotated[
            str | None,
            typer.Option(
                help="Send in waves: 30%:6h, equal ones six hours apart; or a calendar, "
                "0s=25%,6h=50%,6h=rest. Also numbers of recipients: 500:1d."
            ),
        ] = None,
        hold: Annotated[
            bool, typer.Option("--hold", help="Send nothing before `mtalab confirm`.")
        ] = False,
        include_quarantined: Annotated[
            bool,
            typer.Option(
                "--include-quarantined",
                help="Send to quarantined addresses too, as proofs do; never to denylisted ones.",
            ),
        ] = False,
        approve: ApproveOption = Approval.AUTOMATIC,
        checked: CheckedOption = False,
        no_tracking: Annotated[
            bool, typer.Option("--no-tracking", help="Leave links as they are, and count nothing.")
        ] = False,
        display_urls: Annotated[
            bool, typer.Option("--display-urls", help="List the URLs that are tracked.")
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Queue a delivery; it leaves as soon as `mtalab up` runs and its contact date has come."""
        loaded = loaded_from(config)
        clock = SystemClock()
        with (
            _file_of(recipients) as file,
            contextlib.closing(store_of(loaded)) as store,
        ):
            validity_s = validity_of(validity, loaded.configuration.validity)
            asked = Asked(message, file, address_column, waves, validity_s, is_counted=False)
            findings = check_first(loaded, clock, asked, refuses_errors=checked)
            order = Order(
                message=message,
                recipients=file,
                affinity=affinity,
                label=label or message.stem,
                contact_at=contact_at(at, clock.now()),
                validity_s=validity_s,
                priority=priority_of(priority),
                address_column=address_column,
                skip_bad_rows=skip_bad_rows,
                waves=waves,
                include_quarantined=include_quarantined,
                hold=hold or approve is not Approval.AUTOMATIC,
                track=not no_tracking,
            )
            with progress_bar() as bar:
                task = bar.add_task("checking", total=None)

                def show(phase: str, done: int, total: int | None) -> None:
                    bar.update(task, description=phase, completed=done, total=total)

                done = submit(store, loaded, clock, order, show)
            if approve is Approval.SEMI and not hold:
                done = confirm_if_clean(store, clock, done, findings)
        _tell(done, findings, as_json=json, display_urls=display_urls)


def _tell(
    done: Submitted, findings: Sequence[Finding], *, as_json: bool, display_urls: bool
) -> None:
    for warning in done.warnings:
        say(f"warning: {warning}")
    tell_findings(findings)
    if as_json:
        print_json(submitted_as_json(done, findings))
        return
    print(f"delivery {done.delivery_id}: {done.messages} messages queued", end="")
    left_out = {
        "duplicate": done.duplicates,
        "quarantined": done.quarantined,
        "denylisted": done.denylisted,
    }
    told = [f"{count} {what}" for what, count in left_out.items() if count]
    print(f" ({', '.join(told)} ignored)" if told else "")
    if done.rejects is not None:
        print(f"{done.rejected} bad rows left out: {done.rejects}")
    for each in done.waves[:WAVES_SHOWN]:
        print(f"wave {each.wave}: {each.messages} messages from {moment(each.starts_at)}")
    if len(done.waves) > WAVES_SHOWN:
        print(f"… {len(done.waves)} waves: `mtalab wave list {done.delivery_id}`")
    if display_urls:
        from lab.cli.urls import print_urls

        if done.urls:
            print_urls(done.urls)
        else:
            print("no URL is tracked")
    if done.is_held:
        print(f"nothing is sent before `mtalab confirm {done.delivery_id}`")


@contextlib.contextmanager
def _file_of(recipients: Path) -> Iterator[Path]:
    """Standard input is read twice, so it is put by first."""
    if str(recipients) != "-":
        yield recipients
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stdin"
        with file.open("wb") as handle:
            while chunk := sys.stdin.buffer.read(1 << 20):
                handle.write(chunk)
        yield file
