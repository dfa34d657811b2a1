"""All checks of one message, in the order of their codes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from affinity.waves import WavePlan
from lab.checks.bodies import check_parts, check_sizes, check_unfilled
from lab.checks.code import Code
from lab.checks.fetching import Fetch, ask_for_images
from lab.checks.finding import Finding
from lab.checks.heads import check_sender, check_subject
from lab.checks.images import check_images
from lab.checks.letter import FIRST, Letter, Surroundings, read_letter
from lab.checks.links import check_links
from lab.checks.times import check_recipients, check_times
from lab.checks.ways_out import check_ways_out
from lab.configuration import Loaded
from lab.submit.errors import BadSubmission, UnreadableInput
from lab.submit.recipients import Recipient, read_recipients
from mail.errors import Where
from mta.errors import BadTemplate

OF_A_CODE: Final = 10  # findings that are told one by one
SOURCE_MAX: Final = 50 * 1024 * 1024  # bytes: no receiver takes more
Check = Callable[[Letter], Iterator[Finding]]
CHECKS: Final[Sequence[Check]] = (
    check_recipients,
    check_sender,
    check_subject,
    check_parts,
    check_unfilled,
    check_sizes,
    check_ways_out,
    check_links,
    check_images,
    check_times,
)
_ORDER: Final = {code: place for place, code in enumerate(Code)}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be checked; durations in seconds."""

    message: Path
    recipients: Path | None = None
    address_column: str | None = None
    waves: str | None = None
    validity_s: float | None = None  # None: as configured
    is_proof: bool = False
    is_counted: bool = True  # all recipients are read, and not only the first


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found; of each code the first few, and how many more there are."""

    findings: tuple[Finding, ...]
    more: dict[str, int]
    recipients: int | None
    size: int | None  # bytes of the message as it goes out to the first recipient
    links: int = 0
    images_asked: int = 0
    images_not_asked: int = 0

    @property
    def has_errors(self) -> bool:
        return any(each.severity == "error" for each in self.findings)


def check(
    loaded: Loaded, asked: Asked, now: float, fetch: Fetch | None, ignored: frozenset[Code]
) -> Checked:
    """Check a message; ``fetch`` None: nobody is asked for images.

    Raises:
        UnreadableInput: a file cannot be read.
        BadSubmission: the recipients' file has no address column, or the waves cannot be read.
    """
    source = _source(asked.message)
    first, count = _recipients(asked)
    around = _around(loaded, asked, count)
    try:
        tracking = loaded.configuration.tracking
        letter = read_letter(source, asked.message.name, first, around, now, tracking)
    except BadTemplate as error:
        line = None if error.where is None else error.where.line
        found = [Finding(Code.MESSAGE_UNREADABLE, line, error.what, error.remedy or "Mend it.")]
        return _checked(found, ignored, count)
    findings = [each for check in CHECKS for each in check(letter)]
    asked_for, others = 0, 0
    if fetch is not None:
        seen, asked_for, others = ask_for_images(letter, fetch)
        findings += seen
    size = letter.made[0].size if letter.made else None
    links = sum(len(each.page.links) for each in letter.pages)
    return _checked(findings, ignored, count, size, links, asked_for, others)


def _checked(
    found: Sequence[Finding], ignored: frozenset[Code], count: int | None, *rest: int | None
) -> Checked:
    left = [each for each in found if each.code not in ignored]
    left.sort(key=lambda each: (_ORDER[each.code], each.line or 0))
    kept: list[Finding] = []
    seen: Counter[str] = Counter()
    for each in left:
        seen[each.code] += 1
        if seen[each.code] <= OF_A_CODE:
            kept.append(each)
    more = {code: number - OF_A_CODE for code, number in seen.items() if number > OF_A_CODE}
    size, links, asked_for, others = rest or (None, 0, 0, 0)
    return Checked(tuple(kept), more, count, size, links or 0, asked_for or 0, others or 0)


def _source(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > SOURCE_MAX:
            raise BadSubmission(
                f"has {size / 1024 / 1024:.0f} MB, and no receiver takes more than "
                f"{SOURCE_MAX // 1024 // 1024}",
                where=Where(str(file)),
                remedy="Put large files on a server, and links to them into the message.",
            )
        return file.read_bytes()
    except OSError as error:
        raise UnreadableInput(
            f"cannot be read: {error.strerror}",
            where=Where(str(file)),
            remedy="Give the path of a message source.",
        ) from error


def _recipients(asked: Asked) -> tuple[list[Recipient], int | None]:
    """The first good ones, and how many there are; bad rows are for `submit` to tell."""
    if asked.recipients is None:
        return [], None
    rows = read_recipients(asked.recipients, asked.address_column)
    good = (each for each in rows if isinstance(each, Recipient))
    first = list(islice(good, FIRST))
    if not (asked.is_counted or asked.waves is not None):
        return first, None
    return first, len(first) + sum(1 for _ in good)


def _around(loaded: Loaded, asked: Asked, count: int | None) -> Surroundings:
    configuration = loaded.configuration
    signed = {each.domain for each in configuration.dkim}
    last: float | None = None
    if asked.waves is not None:
        try:
            last = WavePlan.parse(asked.waves).waves(count or 1000)[-1].delay_s
        except ValueError as error:
            raise BadSubmission(
                f"{asked.waves!r} makes no waves", where=Where(key="--waves"), remedy=f"{error}."
            ) from None
    validity = configuration.validity if asked.validity_s is None else asked.validity_s
    retry = configuration.retry
    delays = (*retry.delays, *(retry.delays[-1] for _ in range(3)))
    return Surroundings(
        frozenset({configuration.lab.domain, *signed}),
        configuration.tracking.is_on,
        validity,
        last,
        delays,
        count,
        asked.is_proof,
    )
