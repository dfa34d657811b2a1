"""Time and recipients: validity, waves, proofs, and fields that the columns lack."""

from collections.abc import Iterator
from typing import Final

from lab.checks.code import Code
from lab.checks.finding import Finding
from lab.checks.letter import Letter
from mail.errors import Where
from mail.notation import said_duration

RETRIES: Final = 3  # what most outages and all greylisting are over by
PROOF_MAX: Final = 100  # recipients; the modelled system's control rule


def check_times(letter: Letter) -> Iterator[Finding]:
    """Whether the validity leaves time for retries, the last wave's too."""
    around = letter.around
    validity = around.validity_s
    if validity is None:
        return
    needed = sum(around.retries_s[:RETRIES])
    if validity < needed:
        yield Finding(
            Code.VALIDITY_SHORT,
            None,
            f"the validity of {said_duration(validity)} is over before the third retry, which is "
            f"{said_duration(needed)} after the first attempt",
            "Give a longer --validity, or shorter delays under [retry].",
        )
    last = around.waves_until_s
    if last is None:
        return
    if last >= validity:
        yield Finding(
            Code.WAVE_PAST_VALIDITY,
            None,
            f"the last wave begins {said_duration(last)} after the contact date, when the validity "
            f"of {said_duration(validity)} is over",
            "Let waves follow each other sooner, or give a longer --validity.",
        )
    elif last + needed > validity >= needed:
        yield Finding(
            Code.WAVE_LATE,
            None,
            f"the last wave begins {said_duration(validity - last)} before the validity ends, and "
            f"its third retry is due {said_duration(needed)} later",
            "Let waves follow each other sooner, or give a longer --validity.",
        )


def check_recipients(letter: Letter) -> Iterator[Finding]:
    """Fields that nobody has, messages that cannot be made, proofs to too many."""
    broken = letter.broken
    if broken is not None and not _is_of_sender(broken.where):
        line = None if broken.where is None else broken.where.line
        yield Finding(Code.MESSAGE_UNREADABLE, line, broken.what, broken.remedy or "Mend it.")
    for unknown in letter.unknown:
        line = None if unknown.where is None else unknown.where.line
        yield Finding(Code.FIELD_UNKNOWN, line, unknown.what, unknown.remedy)
    for address, why in letter.failed:
        what = f"the message cannot be made for {address}: {why}"
        remedy = "Mend the message source, or that recipient's fields."
        yield Finding(Code.RENDERING_FAILED, None, what, remedy)
    count = letter.around.recipients
    if letter.around.is_proof and count is not None and count > PROOF_MAX:
        what = f"the proof goes to {count} recipients"
        yield Finding(Code.PROOF_LARGE, None, what, f"Send it to at most {PROOF_MAX}.")


def _is_of_sender(where: Where | None) -> bool:
    """Whether an error is about From, which ``heads`` tells in its own words."""
    return where is not None and where.key is not None and where.key.lower() == "from"
