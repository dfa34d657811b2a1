"""``mtalab lint``: what the configuration can never do, proved without running it."""

from pathlib import Path
from typing import Annotated

import typer

from affinity.expected import nearest
from affinity.lint.code import Code
from lab.cli.finding_lines import counted, print_findings
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from mail.errors import UserError, Where


class UnknownCode(UserError):
    """A finding is to be ignored that there is not."""


def _codes() -> list[str]:
    return [str(each) for each in Code]


def register(app: typer.Typer) -> None:
    @app.command(name="lint")
    def command(
        file: Annotated[
            Path | None,
            typer.Argument(
                metavar="[FILE]", help="The file; default: as --config.", show_default=False
            ),
        ] = None,
        strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
        ignore: Annotated[
            list[str] | None,
            typer.Option(
                help="Leave out findings of this code; may be repeated.",
                metavar="CODE",
                autocompletion=_codes,
            ),
        ] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Prove what cannot be sent, is never used or never reached, from the file alone.

        Exit code 1: there are errors (--strict: any finding); 2: the file is not valid.
        """
        from lab.findings import lint_of

        ignored = {_code_named(each) for each in ignore or ()}
        loaded = loaded_from(file or config)
        findings = [each for each in lint_of(loaded) if each.code not in ignored]
        is_ok = not any(strict or each.severity == "error" for each in findings)
        if json:
            print_json(
                {
                    "ok": is_ok,
                    "file": str(loaded.path),
                    "strict": strict,
                    "ignored": sorted(ignored),
                    "findings": [each.as_json() for each in findings],
                }
            )
        else:
            print_findings(console(), findings)
            print(f"{loaded.path}: {counted(findings) if findings else 'nothing found'}")
        raise typer.Exit(0 if is_ok else 1)


def _code_named(text: str) -> Code:
    try:
        return Code(text)
    except ValueError:
        raise UnknownCode(
            f"there is no finding {text!r}{nearest(text, _codes())}",
            where=Where(key="--ignore"),
            remedy="docs/lint.md has all codes.",
        ) from None
