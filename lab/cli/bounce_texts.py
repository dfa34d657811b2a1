"""``mtalab bounces texts`` and ``qualify``: texts of failures, and saying what they mean."""

import contextlib
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from lab.cli.log import reason_named
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from lab.lifetime import this_user
from lab.stores import store_of
from mail.errors import UserError, Where
from mail.reason import FailureType
from store import audit, failure_texts
from store.failure_texts import KnownText, TextStatus
from world.clock import SystemClock


class BadQualification(UserError):
    """Options that do not say one thing."""


def register(bounces: typer.Typer) -> None:
    @bounces.command()
    def texts(
        status: Annotated[TextStatus | None, typer.Option("--status", "-s")] = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 50,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """List the texts of failures, the most frequent first."""
        with contextlib.closing(store_of(loaded_from(config))) as store:
            found = store.read_now(failure_texts.find, status, limit)
        if json:
            print_json([_as_json(each) for each in found])
            return
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("key", "times", "status", "failure", "reason", "rule", "text"):
            table.add_column(column, justify="right" if column == "times" else "left")
        for each in found:
            said = f"{each.code or ''} {each.text}".strip()
            cells: list[Any] = [each.key, each.occurrences, each.status, each.failure]
            table.add_row(*map(str, [*cells, each.reason.label, each.rule, said]))
        console().print(table)

    @bounces.command()
    def qualify(
        key: Annotated[str, typer.Argument(help="Its key, or how it begins.")],
        reason: Annotated[str | None, typer.Option(help="Such as user_unknown.")] = None,
        failure: Annotated[
            FailureType | None, typer.Option(help="hard quarantines, ignored never counts.")
        ] = None,
        retry: Annotated[
            bool, typer.Option("--retry", help="Try a permanent reply (5xx) again.")
        ] = False,
        keep: Annotated[
            bool, typer.Option("--keep", help="What judged it so far was right.")
        ] = False,
        ignore: Annotated[
            bool, typer.Option("--ignore", help="It never counts against an address.")
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Say what a text means: a rule goes into the lab's own, which workers follow at once."""
        from lab.own_rules import IGNORED, Meaning, remove_rule, write_rule

        _check(reason, failure, keep=keep, ignore=ignore, retry=retry)
        loaded = loaded_from(config)
        path, rule = loaded.own_rules_path, None
        with contextlib.closing(store_of(loaded)) as store:
            found = store.read_now(failure_texts.get, key)
            if ignore:
                rule = write_rule(path, found, IGNORED)
            elif reason is not None and failure is not None:
                rule = write_rule(path, found, Meaning(failure, reason_named(reason), retry))
            else:
                remove_rule(path, found)
            status = TextStatus.IGNORE if ignore else TextStatus.KEEP
            store.write_now(failure_texts.qualify, found.key, status)
            note = f"failure text {found.key} was qualified by {this_user()}: {status}"
            store.write_now(audit.note, SystemClock().now(), note)
        if json:
            print_json(
                {
                    "key": found.key,
                    "status": status,
                    "rule": rule,
                    "file": None if rule is None else str(path),
                }
            )
            return
        print(f"{found.key} is {status}" + (f": rule {rule} in {path}" if rule else ""))


def _check(
    reason: str | None, failure: FailureType | None, *, keep: bool, ignore: bool, retry: bool
) -> None:
    """One decision, and all that belongs to it."""
    is_rule = reason is not None or failure is not None
    if keep + ignore + is_rule != 1:
        raise BadQualification(
            "what does the text mean?",
            remedy="Give --reason and --failure, or --keep, or --ignore.",
        )
    if is_rule and (reason is None or failure is None):
        raise BadQualification(
            "a reason and a failure type belong together",
            where=Where(key="--failure" if failure is None else "--reason"),
            remedy="Such as --reason user_unknown --failure hard.",
        )
    if retry and failure in (None, FailureType.HARD):
        raise BadQualification(
            "what is hard, kept or ignored is not tried again by this rule",
            where=Where(key="--retry"),
            remedy="It goes with --failure soft, ignored or undefined.",
        )


def _as_json(text: KnownText) -> dict[str, Any]:
    return {
        "key": text.key,
        "code": text.code,
        "text": text.text,
        "first_text": text.first_text,
        "first_at": text.first_at,
        "last_at": text.last_at,
        "occurrences": text.occurrences,
        "status": text.status,
        "failure": text.failure,
        "reason": text.reason.label,
        "rule": text.rule,
    }
