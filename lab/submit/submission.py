"""One submission from its files to a confirmed delivery.

Two passes over the recipients: the first finds every bad row and counts, the second writes. A
delivery is ``editing`` until all of it is there, so that nothing half-submitted is ever sent.
"""

import contextlib
import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from affinity.part import part_size
from affinity.plan import plan_of
from affinity.route import Routes
from lab.configuration import Loaded
from lab.submit.errors import SHOWN_MAX, BadRecipients, BadRow, BadSubmission, UnreadableInput
from lab.submit.recipients import Recipient, read_recipients
from mail.errors import Where
from mail.message_id import message_id_header, return_path
from mta.errors import PersonalizationError
from mta.render import Personal, Template, compile_source
from store import deliveries, parts
from store.engine import Store
from world.clock import Clock

ROWS_PER_WRITE: Final = 5000  # a write of this many rows holds SQLite for some 50 ms
BUFFERED_MAX: Final = 20_000  # rows that wait for their part to fill, over all MX groups

Progress = Callable[[str, int, int | None], None]  # phase, rows so far, rows in all


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be submitted; times in epoch seconds, ``validity_s`` in seconds."""

    message: Path
    recipients: Path
    affinity: str
    label: str
    contact_at: float
    validity_s: float
    priority: int = 0
    address_column: str | None = None
    skip_bad_rows: bool = False

    @property
    def rejects(self) -> Path:
        """Where bad rows go with ``skip_bad_rows``."""
        return self.recipients.with_name(self.recipients.name + ".rejects.jsonl")


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of it; ``warnings`` are for the user."""

    delivery_id: int
    messages: int
    duplicates: int
    quarantined: int
    rejected: int
    rejects: Path | None
    warnings: tuple[str, ...]


def submit(
    store: Store, loaded: Loaded, clock: Clock, order: Order, progress: Progress
) -> Submitted:
    """Submit a delivery.

    Raises:
        UnreadableInput, BadRecipients, BadSubmission, BadTemplate: nothing was submitted.
    """
    source = _read_source(order.message)
    template = compile_source(source, order.message.name)
    survey = _survey(order, template, loaded, clock, progress)
    size = part_size(survey.good, loaded.configuration.scheduler)
    now = clock.now()
    delivery_id = store.write_now(
        deliveries.create,
        deliveries.NewDelivery(
            label=order.label,
            affinity=order.affinity,
            priority=order.priority,
            part_size=size,
            submitted_at=now,
            contact_at=order.contact_at,
            expires_at=max(now, order.contact_at) + order.validity_s,
            source_file=order.message.name,
            source=source,
        ),
    )
    try:
        _write(store, loaded, order, delivery_id, size, survey.good, clock, progress)
        analysis = store.write_now(deliveries.confirm, delivery_id, clock.now())
    except BaseException as error:
        why = f"the submission was broken off: {type(error).__name__}"
        store.write_now(deliveries.discard, delivery_id, clock.now(), why)
        raise
    return Submitted(
        delivery_id,
        analysis.messages,
        analysis.duplicates,
        analysis.quarantined,
        survey.bad,
        order.rejects if survey.bad else None,
        tuple(_warnings(order, loaded, survey)),
    )


def _read_source(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreadableInput(
            f"cannot be read: {error.strerror}",
            where=Where(str(file)),
            remedy="Give the path of a message source with --message.",
        ) from error


@dataclass(slots=True)
class _Survey:
    """What the first pass found."""

    good: int = 0
    bad: int = 0
    shown: list[BadRow] = field(default_factory=list)
    unrouted: Counter[str] = field(default_factory=Counter)


def _survey(
    order: Order, template: Template, loaded: Loaded, clock: Clock, progress: Progress
) -> _Survey:
    routes = Routes(loaded.configuration.route)
    survey = _Survey()
    with contextlib.ExitStack() as files:
        rejects = None
        for row in read_recipients(order.recipients, order.address_column):
            if isinstance(row, BadRow):
                survey.bad += 1
                if len(survey.shown) < SHOWN_MAX:
                    survey.shown.append(row)
                if order.skip_bad_rows:
                    if rejects is None:
                        rejects = files.enter_context(order.rejects.open("wb"))
                    line = {"line": row.line, "error": row.why, "row": row.raw}
                    rejects.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
                continue
            if survey.good == 0:
                _try_template(template, row, clock)
            survey.good += 1
            if routes.route_for(routes.group_of(row.address.domain)) is None:
                survey.unrouted[row.address.domain] += 1
            if survey.good % 1000 == 0:
                progress("checking", survey.good, None)
    if survey.bad and not order.skip_bad_rows:
        raise BadRecipients(order.recipients.name, survey.shown, survey.bad, order.rejects.name)
    if not survey.good:
        raise BadSubmission(
            "holds no recipient that can be sent to",
            where=Where(order.recipients.name),
            remedy="A CSV file has a header with a column `address`, then one row per recipient.",
        )
    return survey


def _try_template(template: Template, row: Recipient, clock: Clock) -> None:
    """A field that the columns lack would fail every message: better told now."""
    unknown = template.unknown_fields(row.fields.keys())
    if unknown:
        raise unknown[0]
    address = str(row.address)
    personal = Personal(
        0, 0, address, row.fields, clock.now(), message_id_header(0, 0, "x.test"),
        return_path("x.test", 0, 0),
    )  # fmt: skip
    try:
        template.render(personal)
    except PersonalizationError as error:
        raise BadSubmission(
            f"the message cannot be made for the first recipient, {address}: {error}",
            where=Where(template.file),
            remedy="Mend the message source, or that recipient's fields.",
        ) from error


def _write(
    store: Store,
    loaded: Loaded,
    order: Order,
    delivery_id: int,
    size: int,
    total: int,
    clock: Clock,
    progress: Progress,
) -> None:
    written = 0
    batch: list[parts.NewPart] = []
    rows = 0
    for part in _parts(_good(order), loaded, order.affinity, size):
        batch.append(part)
        rows += len(part.messages)
        if rows >= ROWS_PER_WRITE:
            store.write_now(parts.add, delivery_id, batch, clock.now())
            written += rows
            progress("writing", written, total)
            batch, rows = [], 0
    store.write_now(parts.add, delivery_id, batch, clock.now())
    progress("writing", total, total)


def _good(order: Order) -> Iterator[Recipient]:
    for row in read_recipients(order.recipients, order.address_column):
        if isinstance(row, Recipient):
            yield row


def _parts(
    recipients: Iterator[Recipient], loaded: Loaded, affinity: str, size: int
) -> Iterator[parts.NewPart]:
    """Recipients grouped into parts as they come; a full part leaves at once."""
    plan = plan_of(loaded.configuration)
    filling: dict[tuple[str, tuple[str, ...]], list[parts.NewMessage]] = {}
    buffered = 0
    for each in recipients:
        key = plan(affinity, each.address.domain)
        messages = filling.setdefault(key, [])
        messages.append(
            parts.NewMessage(
                str(each.address), each.address.domain, orjson.dumps(each.fields).decode()
            )
        )
        buffered += 1
        if len(messages) >= size:
            yield parts.NewPart(*key, messages)
            buffered -= len(messages)
            del filling[key]
        elif buffered >= BUFFERED_MAX:
            yield from (parts.NewPart(*key, rest) for key, rest in filling.items())
            filling, buffered = {}, 0
    yield from (parts.NewPart(*key, rest) for key, rest in filling.items())


def _warnings(order: Order, loaded: Loaded, survey: _Survey) -> Iterator[str]:
    known: Mapping[str, object] = loaded.configuration.affinity
    if order.affinity not in known:
        near = difflib.get_close_matches(order.affinity, known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        yield f"no affinity {order.affinity!r} is configured{hint}: the delivery stays pending"
    if survey.unrouted:
        messages = sum(survey.unrouted.values())
        first = ", ".join(domain for domain, _ in survey.unrouted.most_common(3))
        yield (
            f"{messages} recipients of {len(survey.unrouted)} domains have no route and stay "
            f"pending: {first}{', …' if len(survey.unrouted) > 3 else ''}"
        )
