"""How a sink behaves: a state machine that answers each event, without clock, socket or dice.

Rules of this file: ``decide`` is all there is to call. Events change the state in no other way; the
same seed, events and times give the same answers.
"""

from dataclasses import replace
from typing import Final

from mail.reply import Reply
from sinks.events import (
    ACCEPT,
    DROP_IT,
    Action,
    Answer,
    Asked,
    Connected,
    DataBegins,
    Disconnected,
    EndOfData,
    Event,
    Greeted,
    MailFrom,
    RcptTo,
)
from sinks.fields import reply_of
from sinks.limits import network_of
from sinks.local_part import Drop, Wish, wish_of
from sinks.lot import digest
from sinks.merits import by_quota, by_reputation, note
from sinks.rules import Who
from sinks.state import SinkState

_WISH_DEFERRED: Final = "451 4.3.0 Temporary failure, as the address asks"
_NEEDS_TLS: Final = Reply(530, "5.7.0 Must issue a STARTTLS command first")  # RFC 3207, 4
_UNKNOWN_COMMAND: Final = (500, 502)


def decide(state: SinkState, event: Event, now: float, wall: float | None = None) -> Answer:
    """What the sink does about the event.

    Args:
        state: the sink's; it is changed.
        event: what happens.
        now: seconds that never go back, for rates and memory.
        wall: seconds since 1970-01-01 UTC, for days; None: ``now`` are such.
    """
    if isinstance(event, Disconnected):
        state.connections.close(event.ip)
        return ACCEPT
    if state.is_plain and _asks_nothing(event):
        return ACCEPT
    who = _who(event)
    answer = _judged(state, event, who, now, now if wall is None else wall)
    if answer.action is Action.ACCEPT:
        answer = _cut(state, event, who, answer)
    if state.personality.reputation is not None:
        note(state, state.personality.reputation, event, answer, now)
    delay = state.delays.get(event.stage)
    stall = state.stalls.first(event.stage, state.lots, who)
    if delay is None and stall is None:
        return answer
    delay_s = 0.0 if delay is None else state.after(delay)
    return replace(answer, delay_s=answer.delay_s + delay_s, stall=stall)


def _asks_nothing(event: Asked) -> bool:
    """Whether a plain personality has nothing to look at: nearly always so."""
    if isinstance(event, RcptTo):
        return wish_of(event.recipient) is None
    if isinstance(event, EndOfData):
        return not any(map(wish_of, event.recipients))
    return not isinstance(event, Connected)


def _who(event: Asked) -> Who:
    match event:
        case RcptTo():
            return Who(event.ip, event.sender, (event.recipient,))
        case MailFrom():
            return Who(event.ip, event.sender)
        case EndOfData() | DataBegins():
            return Who(event.ip, event.sender, event.recipients)
        case _:
            return Who(event.ip)


def _judged(state: SinkState, event: Asked, who: Who, now: float, wall: float) -> Answer:
    match event:
        case RcptTo():
            return _on_rcpt(state, event, who, now, wall)
        case MailFrom():
            return _on_mail(state, event, who, now, wall)
        case EndOfData():
            return _on_body(state, event, who)
        case Connected():
            return _on_connect(state, who, now)
        case Greeted(is_extended=False):
            answer = _by_rule(state, event.stage, who)
            return ACCEPT if answer is None or _code(answer) in _UNKNOWN_COMMAND else answer
        case _:
            return _by_rule(state, event.stage, who) or ACCEPT


def _on_connect(state: SinkState, who: Who, now: float) -> Answer:
    limit = state.personality.connections
    refusal = _by_rule(state, "connect", who) or by_reputation(state, "connect", who, now)
    if refusal is not None:
        return refusal
    was_full = state.connections.is_full
    if not state.connections.open(who.ip) and limit is not None:
        return state.refuse(limit.total_reply if was_full else limit.reply, who)
    return ACCEPT


def _on_mail(state: SinkState, event: MailFrom, who: Who, now: float, wall: float) -> Answer:
    personality = state.personality
    if personality.require_tls and not event.is_encrypted:
        return Answer(Action.REFUSE, _NEEDS_TLS)
    limit, rate = personality.connections, personality.rate
    if limit is not None and limit.messages is not None and event.number > limit.messages:
        return state.refuse(limit.messages_reply, who)
    if rate is not None and state.rate is not None and not state.rate.admit(event.ip, now):
        return state.refuse(rate.reply, who)
    return (
        by_reputation(state, "mail", who, now)
        or _by_rule(state, "mail", who)
        or by_quota(state, {"ip": event.ip, "sender": event.sender.lower(), "all": ""}, who, wall)
        or ACCEPT
    )


def _on_rcpt(state: SinkState, event: RcptTo, who: Who, now: float, wall: float) -> Answer:
    wish = wish_of(event.recipient)
    answer = None if wish is None else _as_wished(state, wish, event, now)
    answer = (
        answer
        or _by_rule(state, "rcpt", who)
        or _if_unknown(state, event, who)
        or _if_grey(state, event, who, now)
        or _if_deferred(state, event, who, now)
        or by_quota(state, {"recipient": event.recipient.lower()}, who, wall)
        or ACCEPT
    )
    return answer if wish is None else replace(answer, delay_s=answer.delay_s + wish.slow_s)


def _on_body(state: SinkState, event: EndOfData, who: Who) -> Answer:
    drops = {wish.drop for each in event.recipients if (wish := wish_of(each)) is not None}
    if Drop.BODY in drops:
        return DROP_IT
    refusal = _by_rule(state, "body", who)
    if refusal is not None:
        return refusal
    return Answer(Action.ACCEPT_UNHEARD) if Drop.REPLY in drops else ACCEPT


def _as_wished(state: SinkState, wish: Wish, event: RcptTo, now: float) -> Answer | None:
    if wish.reply is not None:
        return Answer(Action.REFUSE, wish.reply)
    if wish.drop is Drop.RCPT:
        return DROP_IT
    pair = digest(event.sender.lower(), event.recipient.lower())
    if wish.defer_times and state.wished_deferrals.defer(pair, wish.defer_times, now):
        return Answer(Action.REFUSE, reply_of(_WISH_DEFERRED))
    return None


def _by_rule(state: SinkState, stage: str, who: Who) -> Answer | None:
    rule = state.refusals.first(stage, state.lots, who)
    return None if rule is None else state.refuse(rule.reply, who)


def _if_unknown(state: SinkState, event: RcptTo, who: Who) -> Answer | None:
    unknown = state.personality.unknown_users
    if unknown is None:
        return None
    address, masks = event.recipient, state.unknown_masks
    is_listed = masks is not None and masks.fullmatch(address) is not None
    if is_listed or (unknown.share and state.lots.of("user", address.lower()) < unknown.share):
        return state.refuse(unknown.reply, who)
    return None


def _if_grey(state: SinkState, event: RcptTo, who: Who, now: float) -> Answer | None:
    grey = state.personality.greylist
    if grey is None or state.greylist is None:
        return None
    network = network_of(event.ip, grey.ipv4_prefix, grey.ipv6_prefix)
    triplet = digest(network, event.sender.lower(), event.recipient.lower())
    return None if state.greylist.admit(triplet, now) else state.refuse(grey.reply, who)


def _if_deferred(state: SinkState, event: RcptTo, who: Who, now: float) -> Answer | None:
    deferral = state.personality.defer
    if deferral is None or state.deferrals is None:
        return None
    sender, recipient = event.sender.lower(), event.recipient.lower()
    if deferral.share < 1 and state.lots.of("defer", sender, recipient) >= deferral.share:
        return None
    if not state.deferrals.defer(digest(sender, recipient), deferral.times, now):
        return None
    return state.refuse(deferral.reply, who)


def _cut(state: SinkState, event: Asked, who: Who, answer: Answer) -> Answer:
    """End the connection where a rule says so."""
    if not state.cuts:
        return answer
    cut = state.cuts.first(event.stage, state.lots, who)
    if cut is None and isinstance(event, DataBegins):
        cut = state.cuts.first("content", state.lots, who)
    if cut is None:
        return answer
    if cut.stage == "content" or cut.when == "after":
        return replace(answer, cut=cut)
    if isinstance(event, Connected):  # it never came in
        state.connections.close(event.ip)
    action = Action.ACCEPT_UNHEARD if cut.kept else Action.DROP
    return replace(answer, action=action, cut=cut)


def _code(answer: Answer) -> int:
    return 0 if answer.reply is None else answer.reply.code
