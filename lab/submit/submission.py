"""One submission from its files to a confirmed delivery.

Two passes over the recipients: the first finds every bad row and counts, the second writes. A
delivery is ``editing`` until all of it is there, so that nothing half-submitted is ever sent.
"""

import contextlib
import difflib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import orjson

from affinity.part import part_size
from affinity.plan import plan_of
from affinity.route import Routes
from affinity.waves import Wave, WavePlan
from lab.configuration import Loaded
from lab.submit.errors import SHOWN_MAX, BadRecipients, BadRow, BadSubmission, UnreadableInput
from lab.submit.recipients import Recipient, read_recipients
from lab.submit.tracked import Reading, as_sent, create, tracked_of
from mail.errors import IllegalTransition, Where
from mail.message_id import message_id_header, return_path
from mail.notation import said_duration
from mta.errors import PersonalizationError
from mta.render import Personal, Template, compile_source
from store import deliveries, parts, waves
from store.engine import Store, Tx
from store.errors import SubmissionGone
from store.tracked_urls import TrackedDelivery, TrackedUrl
from store.waves import StoredWave
from world.chance import Chance, SeededChance
from world.clock import Clock
from world.crash import reach

ROWS_PER_WRITE: Final = 5000  # a write of this many rows holds SQLite for some 50 ms
PROGRESS_EVERY: Final = 1000  # rows
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
    waves: str | None = None  # as affinity.waves reads it; None: all at once
    hold: bool = False  # nothing is sent before it is confirmed by hand
    include_quarantined: bool = False  # as proofs do
    track: bool = True  # where tracking is on

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
    is_held: bool
    waves: tuple[StoredWave, ...]  # none: it goes in one
    urls: tuple[TrackedUrl, ...]  # none: it is not tracked
    warnings: tuple[str, ...]
    denylisted: int = 0


class Record(Protocol):
    """Notes what becomes of a submission in the very transactions in which it does."""

    def created(self, tx: Tx, delivery_id: int, /) -> None: ...

    def confirmed(self, tx: Tx, done: Submitted, /) -> None: ...


def submit(
    store: Store,
    loaded: Loaded,
    clock: Clock,
    order: Order,
    progress: Progress,
    chance: Chance | None = None,
    record: Record | None = None,
) -> Submitted:
    """Submit a delivery; ``chance`` is where the key of a lab's first tracked links comes from.

    Raises:
        UnreadableInput, BadRecipients, BadSubmission, BadTemplate: nothing was submitted.
        SubmissionGone: it stood still for so long that it was taken back.
    """
    source = _read_source(order.message)
    reading = Reading()
    template = compile_source(source, order.message.name, reading)
    templates, tracked = [template], None
    settings = loaded.configuration.tracking
    if order.track and settings.is_on:
        contact_at = max(clock.now(), order.contact_at)
        tracked = tracked_of(store, settings, template, reading.collection, contact_at)
        templates.append(as_sent(source, order.message.name, tracked))
    survey = _Survey(order, templates, loaded, clock)
    survey.run(progress)
    size = part_size(survey.good, loaded.configuration.scheduler)
    now = clock.now()
    expires_at = max(now, order.contact_at) + order.validity_s
    planned = _waves(order, survey.good, expires_at)
    delivery_id = store.write_now(
        _create,
        deliveries.NewDelivery(
            label=order.label,
            affinity=order.affinity,
            priority=order.priority,
            part_size=size,
            submitted_at=now,
            contact_at=order.contact_at,
            expires_at=expires_at,
            source_file=order.message.name,
            source=source,
        ),
        tracked,
        SeededChance() if chance is None else chance,
        record,
    )

    def outcome(analysis: deliveries.Analysis, stored: Sequence[StoredWave]) -> Submitted:
        return Submitted(
            delivery_id,
            analysis.messages,
            analysis.duplicates,
            analysis.quarantined,
            survey.bad,
            order.rejects if survey.bad else None,
            order.hold,
            tuple(stored),
            () if tracked is None else tracked.urls,
            (
                *_warnings(order, loaded, survey),
                *(() if tracked is None else reading.collection.told()),
            ),
            analysis.denylisted,
        )

    try:
        if planned:
            store.write_now(waves.create, delivery_id, planned, order.contact_at)
        written = 0
        for batch in _batches(_in_waves(_good(order), planned, loaded, order.affinity, size)):
            store.write_now(parts.add, delivery_id, batch, clock.now())
            written += sum(len(part.messages) for part in batch)
            progress("writing", written, survey.good)
        reach("submit.unconfirmed")
        return store.write_now(_confirm, delivery_id, order, clock.now(), outcome, record)
    except SubmissionGone:
        raise
    except BaseException as error:
        why = f"the submission was broken off: {type(error).__name__}"
        with contextlib.suppress(IllegalTransition):  # it was confirmed before we were broken off
            store.write_now(deliveries.discard, delivery_id, clock.now(), why)
        raise


def _create(
    tx: Tx,
    new: deliveries.NewDelivery,
    tracked: TrackedDelivery | None,
    chance: Chance,
    record: Record | None,
) -> int:
    delivery_id = create(tx, new, tracked, chance)
    if record is not None:
        record.created(tx, delivery_id)
    return delivery_id


def _confirm(
    tx: Tx,
    delivery_id: int,
    order: Order,
    at: float,
    outcome: Callable[[deliveries.Analysis, Sequence[StoredWave]], Submitted],
    record: Record | None,
) -> Submitted:
    analysis = deliveries.confirm(
        tx, delivery_id, at, hold=order.hold, keep_quarantined=order.include_quarantined
    )
    done = outcome(analysis, waves.of(tx, delivery_id))
    if record is not None:
        record.confirmed(tx, done)
    return done


def _waves(order: Order, recipients: int, expires_at: float) -> list[Wave]:
    """The waves that were ordered; none for a delivery that goes in one."""
    if order.waves is None:
        return []
    try:
        found = WavePlan.parse(order.waves).waves(recipients)
    except ValueError as error:
        raise BadSubmission(
            f"{order.waves!r} makes no waves", where=Where(key="--waves"), remedy=f"{error}."
        ) from None
    late_s = order.contact_at + found[-1].delay_s - expires_at
    if late_s >= 0:
        raise BadSubmission(
            f"the last of {len(found)} waves would begin {said_duration(found[-1].delay_s)} after "
            f"the contact date, when the validity of {said_duration(order.validity_s)} is over",
            where=Where(key="--waves"),
            remedy="Let waves follow each other sooner, make them larger, or give a longer "
            "--validity; leave room for retries.",
        )
    return found


def _read_source(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreadableInput(
            f"cannot be read: {error.strerror}",
            where=Where(str(file)),
            remedy="Give the path of a message source with --message.",
        ) from error


class _Survey:
    """The first pass: every row is read, the good ones are counted, the bad ones kept or shown."""

    def __init__(
        self, order: Order, templates: Sequence[Template], loaded: Loaded, clock: Clock
    ) -> None:
        self._order, self._templates, self._clock = order, templates, clock
        self._routes = Routes(loaded.configuration.route)
        self._rejects: BinaryIO | None = None
        self.good = 0
        self.bad = 0
        self.shown: list[BadRow] = []
        self.unrouted: Counter[str] = Counter()
        self._routed: dict[str, bool] = {}  # by domain: there are far fewer of them than rows

    def run(self, progress: Progress) -> None:
        """Read all rows.

        Raises:
            BadRecipients: some are bad, and they are not to be skipped.
            BadSubmission: none is good, or the message can't be made for the first one.
        """
        order = self._order
        with contextlib.ExitStack() as files:
            for row in read_recipients(order.recipients, order.address_column):
                if isinstance(row, BadRow):
                    self._reject(row, files)
                else:
                    self._count(row)
                    if self.good % PROGRESS_EVERY == 0:
                        progress("checking", self.good, None)
        if self.bad and not order.skip_bad_rows:
            raise BadRecipients(order.recipients.name, self.shown, self.bad, order.rejects.name)
        if not self.good:
            raise BadSubmission(
                "holds no recipient that can be sent to",
                where=Where(order.recipients.name),
                remedy="A CSV file has a header with a column `address`, then a row per recipient.",
            )

    def _reject(self, row: BadRow, files: contextlib.ExitStack) -> None:
        self.bad += 1
        if len(self.shown) < SHOWN_MAX:
            self.shown.append(row)
        if not self._order.skip_bad_rows:
            return
        if self._rejects is None:
            self._rejects = files.enter_context(self._order.rejects.open("wb"))
        line = {"line": row.line, "error": row.why, "row": row.raw}
        self._rejects.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def _count(self, row: Recipient) -> None:
        if self.good == 0:
            for each in self._templates:
                _try_template(each, row, self._clock)
        self.good += 1
        domain = row.address.domain
        is_routed = self._routed.get(domain)
        if is_routed is None:
            is_routed = self._routes.route_for(self._routes.group_of(domain)) is not None
            self._routed[domain] = is_routed
        if not is_routed:
            self.unrouted[domain] += 1


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


def _batches(made: Iterator[parts.NewPart]) -> Iterator[list[parts.NewPart]]:
    """Parts by writes of some thousand messages."""
    batch: list[parts.NewPart] = []
    rows = 0
    for part in made:
        batch.append(part)
        rows += len(part.messages)
        if rows >= ROWS_PER_WRITE:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _good(order: Order) -> Iterator[Recipient]:
    for row in read_recipients(order.recipients, order.address_column):
        if isinstance(row, Recipient):
            yield row


def _in_waves(
    recipients: Iterator[Recipient],
    planned: Sequence[Wave],
    loaded: Loaded,
    affinity: str,
    size: int,
) -> Iterator[parts.NewPart]:
    """Recipients in their order: as many as a wave takes, then those of the next."""
    if not planned:
        yield from _parts(recipients, loaded, affinity, size)
    for number, wave in enumerate(planned, 1):
        mine = itertools.islice(recipients, wave.messages)
        for part in _parts(mine, loaded, affinity, size):
            yield replace(part, wave=number, is_held=wave.delay_s > 0)


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
    elif not any(order.affinity in each.affinities for each in loaded.configuration.mta.values()):
        yield f"no MTA instance has affinity {order.affinity!r}: the delivery stays pending"
    if survey.unrouted:
        messages = sum(survey.unrouted.values())
        first = ", ".join(domain for domain, _ in survey.unrouted.most_common(3))
        yield (
            f"{messages} recipients of {len(survey.unrouted)} domains have no route and stay "
            f"pending: {first}{', …' if len(survey.unrouted) > 3 else ''}"
        )
