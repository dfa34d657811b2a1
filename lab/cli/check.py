"""``mtalab check MESSAGE``: what can be seen to be wrong with a message before it is sent."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from affinity.expected import nearest
from lab.checks.checking import Asked, Checked, check
from lab.checks.code import Code
from lab.checks.fetching import fetch
from lab.checks.finding import Finding
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from mail.errors import UserError, Where
from mail.notation import duration_s
from world.clock import SystemClock

_STYLES = {"error": "red", "warning": "yellow"}


class BadCheck(UserError):
    """What is to be checked is not said so that it can be."""


def _codes() -> list[str]:
    return [str(each) for each in Code]


def register(app: typer.Typer) -> None:
    @app.command(name="check")
    def command(
        message: Annotated[Path, typer.Argument(help="Message source, an .eml.")],
        recipients: Annotated[
            Path | None,
            typer.Option("--recipients", "-r", help="Make it for the first of these, too."),
        ] = None,
        address_column: Annotated[
            str | None, typer.Option(help="Column of the addresses; else address or email.")
        ] = None,
        waves: Annotated[str | None, typer.Option(help="As for `mtalab submit`.")] = None,
        validity: Annotated[str | None, typer.Option(help="As for `mtalab submit`.")] = None,
        proof: Annotated[
            bool, typer.Option("--proof", help="It goes to a few who look at it.")
        ] = False,
        strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
        ignore: Annotated[
            list[str] | None,
            typer.Option(
                help="Leave out findings of this code; may be repeated.",
                metavar="CODE",
                autocompletion=_codes,
            ),
        ] = None,
        no_images: Annotated[
            bool,
            typer.Option("--no-images", help="Ask for no image, not even those of this machine."),
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Check a message: sender, subject, links, images, size, ways out, validity.

        Exit code 1: there are errors (--strict: any finding).
        """
        ignored = frozenset(_code_named(each) for each in ignore or ())
        loaded = loaded_from(config)
        asked = Asked(message, recipients, address_column, waves, _validity(validity), proof)
        now = SystemClock().now()
        found = check(loaded, asked, now, None if no_images else fetch, ignored)
        is_ok = not (found.has_errors or (strict and found.findings))
        if json:
            print_json(_as_json(message, found, ignored, is_ok=is_ok, strict=strict))
        else:
            print_findings(console(), message.name, found)
            print(f"{message}: {_counted(found.findings)}")
        raise typer.Exit(0 if is_ok else 1)


def print_findings(output: Console, file: str, found: Checked) -> None:
    """A line for each, as compilers write it, and its remedy below."""
    for each in found.findings:
        place = file if each.line is None else f"{file}:{each.line}"
        head = (f"{place}: ", (each.severity, _STYLES[each.severity]), f" {each.code}: ")
        line = Text.assemble(*head, each.what)
        output.print(line, highlight=False, soft_wrap=True)
        output.print(f"    {each.remedy}", highlight=False, soft_wrap=True)
    for code, count in found.more.items():
        output.print(f"… and {count} more of {code}", highlight=False)
    if found.images_not_asked:
        output.print(
            f"{found.images_not_asked} images are on other machines and were not asked for",
            highlight=False,
        )


def _as_json(
    message: Path, found: Checked, ignored: Iterable[Code], *, is_ok: bool, strict: bool
) -> dict[str, object]:
    return {
        "ok": is_ok,
        "file": str(message),
        "strict": strict,
        "ignored": sorted(ignored),
        "findings": [each.as_json() for each in found.findings],
        "more": found.more,
        "recipients": found.recipients,
        "size": found.size,
        "links": found.links,
        "images": {"asked": found.images_asked, "not_asked": found.images_not_asked},
    }


def _counted(findings: Iterable[Finding]) -> str:
    every = list(findings)
    if not every:
        return "nothing found"
    errors = sum(each.severity == "error" for each in every)
    return f"{errors} errors, {len(every) - errors} warnings"


def _validity(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return duration_s(text)
    except ValueError as error:
        where = Where(key="--validity")
        raise BadCheck(f"{text!r} is no duration", where=where, remedy=f"{error}.") from None


def _code_named(text: str) -> Code:
    try:
        return Code(text)
    except ValueError:
        raise BadCheck(
            f"there is no finding {text!r}{nearest(text, _codes())}",
            where=Where(key="--ignore"),
            remedy="docs/checks.md has all codes.",
        ) from None
