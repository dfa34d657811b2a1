"""A submission as a page or a program has it: contents and terms instead of files and options."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from lab.acting.approval import check_first
from lab.acting.once import Once, Turn
from lab.checks.checking import Asked, Checked, check
from lab.checks.finding import Finding
from lab.configuration import Loaded
from lab.shapes.submitted import as_json
from lab.submit import terms
from lab.submit.errors import SHOWN_MAX, BadRow
from lab.submit.recipients import read_recipients
from lab.submit.submission import Order, Submitted, submit
from store.engine import Store, Tx
from world.clock import Clock

REJECTS_SHOWN: Final = 100
_NAME_BYTES: Final = 120


@dataclass(frozen=True, slots=True)
class Terms:
    """What a submission says of its delivery, as people write it; see ``mtalab submit``."""

    affinity: str
    label: str | None = None
    contact_at: float | None = None  # epoch seconds; or ``at``
    at: str | None = None
    priority: str = "normal"
    validity: str | None = None
    waves: str | None = None
    hold: bool = False
    include_quarantined: bool = False
    track: bool = True
    address_column: str | None = None
    skip_bad_rows: bool = False
    checked: bool = False  # refused if the checks find an error


@dataclass(frozen=True, slots=True)
class Given:
    """A whole submission; the names are for messages, and the format of the recipients."""

    terms: Terms
    message: bytes
    recipients: bytes
    message_name: str = "message"
    recipients_name: str = "recipients"

    @property
    def digest(self) -> str:
        """The same for the same submission."""
        found = hashlib.sha256()
        words = (asdict(self.terms), self.message_name, self.recipients_name)
        for each in (orjson.dumps(words, option=orjson.OPT_SORT_KEYS), self.message):
            found.update(len(each).to_bytes(8) + each)
        found.update(self.recipients)
        return found.hexdigest()


class Answered(NamedTuple):
    """What came of it, as ``docs/json.md`` has it; ``is_replayed``: it came of an earlier one."""

    answer: dict[str, Any]
    is_replayed: bool


@dataclass(slots=True)
class _Record:
    """Puts the answer together while the delivery is being confirmed."""

    turn: Turn | None
    findings: tuple[Finding, ...]
    answer: dict[str, Any] = field(default_factory=dict)

    def created(self, tx: Tx, delivery_id: int) -> None:
        if self.turn is not None:
            self.turn.created(tx, delivery_id)

    def confirmed(self, tx: Tx, done: Submitted) -> None:
        self.answer = {
            **as_json(replace(done, rejects=None), self.findings),
            "rejects": [] if done.rejects is None else _rejects(done.rejects),
        }
        if self.turn is not None:
            self.turn.answered(tx, orjson.dumps(self.answer).decode())


def submit_given(
    store: Store, loaded: Loaded, clock: Clock, given: Given, turn: Turn | None = None
) -> dict[str, Any]:
    """Check and submit; returns the answer.

    Raises:
        FailedChecks, UnreadableInput, BadRecipients, BadSubmission, BadTemplate, SubmissionGone,
        KeyTaken: nothing was submitted.
    """
    with _files(given) as (message, recipients):
        order = _order(loaded, clock, given, message, recipients)
        asked = Asked(
            message, recipients, order.address_column, order.waves, order.validity_s,
            is_counted=False,
        )  # fmt: skip
        findings = check_first(loaded, clock, asked, refuses_errors=given.terms.checked)
        record = _Record(turn, findings)
        submit(store, loaded, clock, order, lambda *_: None, record=record)
        return record.answer


def submit_once(
    store: Store, loaded: Loaded, clock: Clock, given: Given, once: Once, key: str | None
) -> Answered:
    """The same with an idempotency key, where there is one.

    Raises:
        KeyInUse, KeyOfAnother: nothing was submitted; and as ``submit_given``.
    """
    if key is None:
        return Answered(submit_given(store, loaded, clock, given), is_replayed=False)
    kept_s = loaded.configuration.retention.submission_keys
    with once.turn(key, given.digest, kept_s) as turn:
        if isinstance(turn, str):
            return Answered(orjson.loads(turn), is_replayed=True)
        return Answered(submit_given(store, loaded, clock, given, turn), is_replayed=False)


class Examined(NamedTuple):
    """What the checks find, and rows that are no recipients: the first few, and how many."""

    checked: Checked
    bad: tuple[BadRow, ...]
    bad_count: int


def examine(loaded: Loaded, clock: Clock, given: Given) -> Examined:
    """Look at a submission without asking anybody for images; submits nothing.

    Raises:
        UnreadableInput, BadSubmission: it cannot be looked at.
    """
    with _files(given) as (message, recipients):
        order = _order(loaded, clock, given, message, recipients)
        asked = Asked(message, recipients, order.address_column, order.waves, order.validity_s)
        found = check(loaded, asked, clock.now(), None, frozenset())
        bad, count = [], 0
        for row in read_recipients(recipients, order.address_column):
            if isinstance(row, BadRow):
                count += 1
                if count <= SHOWN_MAX:
                    bad.append(row)
        return Examined(found, tuple(bad), count)


@contextmanager
def _files(given: Given) -> Iterator[tuple[Path, Path]]:
    """Recipients are read twice, and however many they are: so from a file."""
    with tempfile.TemporaryDirectory(prefix="mtalab-") as folder:
        found = []
        for kind, name, content in (
            ("message", given.message_name, given.message),
            ("recipients", given.recipients_name, given.recipients),
        ):
            file = Path(folder) / kind / _plain_name(name, kind)
            file.parent.mkdir()
            file.write_bytes(content)
            found.append(file)
        yield found[0], found[1]


def _plain_name(name: str, otherwise: str) -> str:
    """The last part of a path on whatever machine, fit for a file here."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(each for each in last if each.isprintable())
    short = plain.encode("utf-8", "ignore")[-_NAME_BYTES:].decode("utf-8", "ignore")
    return otherwise if short in ("", ".", "..") else short


def _order(loaded: Loaded, clock: Clock, given: Given, message: Path, recipients: Path) -> Order:
    wanted, now = given.terms, clock.now()
    at = wanted.contact_at
    return Order(
        message=message,
        recipients=recipients,
        affinity=wanted.affinity,
        label=wanted.label or _subject(given.message) or message.stem,
        contact_at=terms.contact_at(wanted.at, now) if at is None else at,
        validity_s=terms.validity_of(wanted.validity, loaded.configuration.validity),
        priority=terms.priority_of(wanted.priority),
        address_column=wanted.address_column,
        skip_bad_rows=wanted.skip_bad_rows,
        waves=wanted.waves,
        include_quarantined=wanted.include_quarantined,
        hold=wanted.hold,
        track=wanted.track,
    )


def _subject(source: bytes) -> str:
    """The subject of a source as people read it; empty if it has none that can be read."""
    head = source.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    raw = BytesHeaderParser().parsebytes(head)["Subject"]
    if raw is None:
        return ""
    try:
        text = str(make_header(decode_header(" ".join(str(raw).split()))))
        text.encode()
    except (ValueError, LookupError):  # an unknown charset is a LookupError
        return ""
    return "".join(each for each in text if each.isprintable())[:200].strip()


def _rejects(file: Path) -> list[Any]:
    with file.open("rb") as lines:
        return [orjson.loads(line) for line in islice(lines, REJECTS_SHOWN)]
