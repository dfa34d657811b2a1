"""Who approves a delivery, as the command line has it, and what was found in its message."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from lab.acting.approval import SHOWN, place
from lab.checks.finding import Finding
from lab.cli.output import say


class Approval(StrEnum):
    """Who lets a delivery start: the modelled system's approval modes."""

    AUTOMATIC = "automatic"
    SEMI = "semi"
    MANUAL = "manual"


ApproveOption = Annotated[
    Approval,
    typer.Option(
        help="automatic: send whatever the checks find; semi: hold it if they find anything; "
        "manual: always hold it."
    ),
]
CheckedOption = Annotated[
    bool, typer.Option("--checked", help="Refuse it if `mtalab check` finds an error.")
]


def tell_findings(findings: Sequence[Finding]) -> None:
    """The first few, for whoever watches."""
    for each in findings[:SHOWN]:
        say(f"{each.severity}: {place(each)}{each.code}: {each.what}")
    if len(findings) > SHOWN:
        say(f"… and {len(findings) - SHOWN} more: `mtalab check` tells all")
