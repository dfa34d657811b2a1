"""What is found in a message before it is submitted, and whether it is then sent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lab.checks.checking import Asked, check
from lab.checks.finding import Finding
from lab.configuration import Loaded
from lab.submit.submission import Submitted
from mail.errors import UserError, Where
from mail.states import DeliveryEvent
from store import operator
from store.engine import Store
from world.clock import Clock

SHOWN: Final = 8  # findings; `mtalab check` tells all


class FailedChecks(UserError):
    """A message has errors, and was to have none."""

    def __init__(
        self, what: str, findings: Sequence[Finding], *, where: Where, remedy: str
    ) -> None:
        self.findings = tuple(findings)
        super().__init__(what, where=where, remedy=remedy)


def check_first(
    loaded: Loaded, clock: Clock, asked: Asked, *, refuses_errors: bool
) -> tuple[Finding, ...]:
    """Check a message that is about to be submitted; nobody is asked for images.

    Raises:
        FailedChecks: there are errors, and they are to be refused.
        UnreadableInput, BadSubmission: as for submitting.
    """
    found = check(loaded, asked, clock.now(), None, frozenset()).findings
    errors = [each for each in found if each.severity == "error"]
    if errors and refuses_errors:
        told = "\n".join(f"{place(each)}{each.code}: {each.what}" for each in errors[:SHOWN])
        raise FailedChecks(
            f"the checks find {len(errors)} errors, so nothing was submitted:\n{told}",
            errors,
            where=Where(asked.message.name),
            remedy=f"`mtalab check {asked.message}` says what to do about each.",
        )
    return found


def place(finding: Finding) -> str:
    """Where in the source it is, as the beginning of a line about it."""
    return "" if finding.line is None else f"line {finding.line}: "


def confirm_if_clean(
    store: Store, clock: Clock, done: Submitted, findings: Sequence[Finding]
) -> Submitted:
    """Let a held delivery start of which nothing is to be said."""
    if findings or done.warnings:
        return done
    store.write_now(operator.steer, done.delivery_id, DeliveryEvent.CONFIRMED, clock.now())
    return replace(done, is_held=False)
