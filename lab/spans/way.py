"""The way of a message as spans: one for the whole of it, below it its waits and its attempts.

The first span, ``message``, lasts from the submission until the message is over for the first time;
it is told with the transition that ends it. What happens to the message afterwards (a bounce, a
retry by hand) makes spans of its own in the same trace.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lab.spans.span import Numbering, Span, SpanEvent, Value
from lab.spans.steps import Step, within
from mail.states import MessageEvent, MessageStatus
from store.journeys import Journey
from store.log import Transition

MESSAGE: Final = "message"
PUT_OFF: Final = "until contact date"
QUEUED: Final = "queued"
RETRY_WAIT: Final = "wait for retry"
ATTEMPT: Final = "attempt"
AFTERWARDS: Final = "afterwards"
_ATTEMPTS: Final = (MessageEvent.ACCEPTED, MessageEvent.DEFERRED, MessageEvent.REFUSED)


def spans_of(
    journey: Journey, numbering: Numbering, steps: Sequence[Step] = (), after_id: int = 0
) -> list[Span]:
    """The spans of a message that are told by its transitions after one.

    Args:
        journey: the message.
        numbering: of its lab.
        steps: what is recorded of its attempts.
        after_id: what transitions up to this one tell was told before, so that whoever goes on
            from there tells each span once.
    """
    found: list[Span] = []
    over_by = _over_by(journey.transitions)
    before: Transition | None = None
    for each in journey.transitions:
        if each.id > after_id:
            found += _of_transition(journey, before, each, numbering, over_by)
            found += _steps(journey, each, numbering, steps)
            if each is over_by:
                found.append(_whole(journey, each, numbering))
        before = each
    return found


def _over_by(transitions: Sequence[Transition]) -> Transition | None:
    """What first ended the message."""
    ends = (each for each in transitions if each.to_status is not MessageStatus.PENDING)
    return next(ends, None)


def _whole(journey: Journey, over_by: Transition, numbering: Numbering) -> Span:
    until = [each for each in journey.transitions if each.id <= over_by.id]
    failed = over_by.to_status is MessageStatus.FAILED
    attributes: dict[str, Value] = {
        "mtalab.message": journey.message_id,
        "mtalab.delivery": journey.delivery_id,
        "mtalab.label": journey.label,
        "mtalab.affinity": journey.affinity,
        "mtalab.domain": journey.domain,
        "mtalab.mx_group": journey.mx_group,
        "mtalab.status": str(over_by.to_status),
        "mtalab.attempts": over_by.attempt,
    }
    return Span(
        MESSAGE,
        numbering.trace(journey.message_id),
        numbering.span(MESSAGE, journey.message_id),
        None,
        journey.arrived_at,
        max(over_by.at, journey.arrived_at),
        attributes,
        [SpanEvent(each.event, each.at, _of(each)) for each in until],
        _why(over_by) if failed else None,
    )


def _of_transition(
    journey: Journey,
    before: Transition | None,
    it: Transition,
    numbering: Numbering,
    over_by: Transition | None,
) -> Iterator[Span]:
    is_attempt = it.event in _ATTEMPTS
    begin = _begin(it)
    for name, since, until in _waits(journey, before, begin):
        yield _child(name, journey, it, numbering, (since, until))
    if is_attempt:
        yield _attempt(journey, it, numbering, begin)
    elif over_by is not None and it.id > over_by.id:
        yield _child(f"{AFTERWARDS}: {it.event}", journey, it, numbering, (it.at, it.at), _of(it))


def _waits(
    journey: Journey, before: Transition | None, until: float
) -> Iterator[tuple[str, float, float]]:
    """What the message waited for since the transition before, each with its begin and end."""
    if before is None:
        since = journey.arrived_at
        due, name = journey.contact_at, PUT_OFF
    elif before.to_status is MessageStatus.PENDING:
        since = before.at
        due, name = before.next_attempt_at or before.at, RETRY_WAIT
    else:
        return  # it was over
    due = min(max(due, since), until)
    if due > since:
        yield name, since, due
    if until > due:
        yield QUEUED, due, until


def _begin(it: Transition) -> float:
    return it.at - (it.duration_ms or 0.0) / 1000 if it.event in _ATTEMPTS else it.at


def _steps(
    journey: Journey, it: Transition, numbering: Numbering, steps: Sequence[Step]
) -> Iterator[Span]:
    """The steps of an attempt, below it."""
    if it.event not in _ATTEMPTS:
        return
    begin = _begin(it)
    for place, each in enumerate(within(steps, begin, it.at)):
        yield Span(
            each.name,
            numbering.trace(journey.message_id),
            numbering.span(f"step {place}", it.id),
            numbering.span(ATTEMPT, it.id),
            min(max(each.begin, begin), each.end),
            each.end,
            {"smtp.reply": each.reply},
            is_remote_call=True,
        )


def _attempt(journey: Journey, it: Transition, numbering: Numbering, begin: float) -> Span:
    failed = it.event == MessageEvent.REFUSED
    found = _child(ATTEMPT, journey, it, numbering, (begin, it.at), _of(it))
    deferral = [SpanEvent("deferred", it.at, _of(it))] if it.event == MessageEvent.DEFERRED else []
    return replace(
        found,
        name=f"{ATTEMPT} {it.attempt}",
        events=deferral,
        error=_why(it) if failed else None,
        is_remote_call=True,
    )


def _child(
    name: str,
    journey: Journey,
    it: Transition,
    numbering: Numbering,
    span: tuple[float, float],
    attributes: Mapping[str, Value] | None = None,
) -> Span:
    return Span(
        name,
        numbering.trace(journey.message_id),
        numbering.span(name, it.id),
        numbering.span(MESSAGE, journey.message_id),
        *span,
        attributes or {},
    )


def _of(it: Transition) -> dict[str, Value]:
    """What a transition says of an attempt or an end; the recipient's address is left out."""
    found: dict[str, Value | None] = {
        "mtalab.transition": it.id,
        "mtalab.event": it.event,
        "mtalab.instance": it.mta,
        "mtalab.worker": it.worker_id,
        "mtalab.source_ip": it.source_ip,
        "mtalab.reason": None if it.reason is None else it.reason.label,
        "mtalab.next_attempt_at": it.next_attempt_at,
        "smtp.reply.code": it.code,
        "smtp.reply.enhanced": it.enhanced,
        "smtp.reply.text": it.text,
        "mtalab.size": it.size_bytes,
    }
    return {name: value for name, value in found.items() if value is not None}


def _why(it: Transition) -> str:
    label = "" if it.reason is None else it.reason.label
    return ": ".join(each for each in (label, it.text or "") if each) or it.event
