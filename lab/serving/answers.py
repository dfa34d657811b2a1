"""What a test is answered: plain values, in the shapes of docs/json.md where it has them."""

import base64
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from lab.accounts import reconciled
from lab.serving.held import HeldLab
from lab.serving.requests import Inbox, Messages
from mail.notation import split_endpoint
from mail.states import MessageStatus
from monitor.events import record
from monitor.why.diagnosis import Diagnosis, causes, diagnose
from monitor.why.finding import Finding
from sinks import inbox
from store import deliveries, log

PAGE: Final = 5000  # messages in one answer
_ALL: Final = 100_000  # deliveries


def state(held: HeldLab) -> dict[str, Any]:
    """What and where the lab is."""
    loaded = held.lab.loaded
    configuration = loaded.configuration
    submission = configuration.submission
    return {
        "mode": held.lab.mode,
        "elapsed": held.elapsed,
        "now": held.lab.clock.now(),
        "sinks": {
            name: split_endpoint(settings.listen) for name, settings in configuration.sink.items()
        },
        "submission": split_endpoint(submission.listen) if submission.is_on else None,
        "folder": str(loaded.path.parent),
    }


def counts(held: HeldLab, number: int | None) -> dict[str, int]:
    """Messages by status, each status named."""
    ids = None if number is None else [number]
    found: Counter[str] = Counter()
    for each in held.lab.store.read_now(deliveries.find, ids=ids, limit=_ALL):
        found.update({str(status): count for status, count in each.counts.items()})
    return {str(status): found[str(status)] for status in MessageStatus}


def all_deliveries(held: HeldLab) -> list[dict[str, Any]]:
    """The deliveries, the oldest first."""
    found = held.lab.store.read_now(deliveries.find, limit=_ALL, newest_first=False)
    return [
        {
            **asdict(each),
            "name": held.name_of(each.id),
            "counts": {str(status): each.counts.get(status, 0) for status in MessageStatus},
        }
        for each in found
    ]


def messages(held: HeldLab, wanted: Messages) -> list[dict[str, Any]]:
    """A page of messages in order of their number."""
    rows = held.lab.store.read_now(
        log.messages,
        log.Filter(
            delivery_id=held.number_of(wanted.delivery),
            status=wanted.status,
            domain=wanted.domain,
        ),
        after_id=wanted.after,
        limit=PAGE,
    )
    return [{**_logged(each), "delivery": held.name_of(each.delivery_id)} for each in rows]


def transitions(held: HeldLab, message: int) -> list[dict[str, Any]]:
    """All that happened to a message, oldest first; raises UnknownMessage."""
    _, changes = held.lab.store.read_now(log.message, message)
    return [_logged(each) for each in changes]


def _logged(row: log.Message | log.Transition) -> dict[str, Any]:
    return {**asdict(row), "reason": None if row.reason is None else row.reason.label}


def received(held: HeldLab, wanted: Inbox) -> Iterator[dict[str, Any]]:
    """What the sinks kept, the newest first, each with its source in base64."""
    directory = held.lab.loaded.directory
    found = inbox.list_inbox(
        directory,
        wanted.limit,
        sink=wanted.sink,
        recipient=wanted.recipient,
        subject=wanted.subject,
    )
    for entry in found:
        receipt = asdict(entry.receipt)
        del receipt["inbox"]
        source = base64.b64encode(inbox.content(directory, entry.receipt)).decode()
        yield {**receipt, "from": entry.sender, "subject": entry.subject, "source": source}


def diagnosis(held: HeldLab, number: int | None, message: int | None) -> Diagnosis:
    """Why messages are pending; raises UnknownMessage."""
    lab = held.lab
    return diagnose(
        lab.store,
        lab.loaded.configuration,
        lab.clock.now(),
        delivery=number,
        message=message,
        seen=lab.host_facts(),
    )


def why(held: HeldLab, number: int | None, message: int | None) -> dict[str, Any]:
    """The same as values, as `mtalab why --json` has them."""
    found = diagnosis(held, number, message)
    return {
        "now": found.now,
        "pending": found.messages,
        "causes": causes(found),
        "groups": [_finding(held, each) for each in found.findings],
        "chain": [asdict(each) for each in found.chain],
    }


def _finding(held: HeldLab, found: Finding) -> dict[str, Any]:
    return {**asdict(found), "code": found.code, "delivery": held.name_of(found.delivery_id)}


def events(held: HeldLab) -> list[Mapping[str, Any]]:
    """The event log, in an order that does not depend on who committed first."""
    found: list[log.Event] = []
    last, store = 0, held.lab.store
    while page := store.read_now(log.events, log.Filter(), after_id=last, limit=PAGE):
        found += page
        last = page[-1].transition.id
    found.sort(key=_in_time)
    domain = held.lab.loaded.configuration.lab.domain
    return [{**record(each, domain), "seq": number} for number, each in enumerate(found, 1)]


def _in_time(event: log.Event) -> tuple[float, int, int]:
    change = event.transition
    return (change.at, change.message_id, change.attempt)


def reconciliation(held: HeldLab) -> dict[str, Any]:
    """Receipts against the log."""
    return reconciled(held.lab.store, held.lab.loaded).as_json()
