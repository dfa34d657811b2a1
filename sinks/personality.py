"""How a sink behaves: a state machine that answers each event, without clock, socket or dice.

Rules of this file: ``decide`` is all there is to call. The state changes in no other way; the same
seed, events and times give the same answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from mail.reply import Reply
from sinks.limits import ConnectionCount, DeferralCount, Greylist, SlidingRate, network_of
from sinks.local_part import Drop, Wish, wish_of
from sinks.lot import digest, lot
from sinks.mask import mask_pattern
from sinks.settings import DROP, Delay, Personality, Refusal, reply_of

_WISH_DEFERRED: Final = "451 4.3.0 Temporary failure, as the address asks"
_FORGET_WISH_S: Final = 5 * 86400.0  # as long as a message may be tried by default


@dataclass(frozen=True, slots=True)
class Connected:
    """A peer has connected and waits for the greeting."""

    ip: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A peer that was greeted is gone; the answer means nothing."""

    ip: str


@dataclass(frozen=True, slots=True)
class MailFrom:
    """MAIL FROM was said."""

    ip: str
    sender: str


@dataclass(frozen=True, slots=True)
class RcptTo:
    """RCPT TO was said."""

    ip: str
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Hello:
    """EHLO or HELO was said."""

    ip: str


@dataclass(frozen=True, slots=True)
class StartTls:
    """STARTTLS was said, and could be done."""

    ip: str


@dataclass(frozen=True, slots=True)
class Data:
    """DATA was said; the recipients are those that were accepted."""

    ip: str
    sender: str
    recipients: Sequence[str]


@dataclass(frozen=True, slots=True)
class EndOfData:
    """The whole message has been read; the recipients are those that were accepted."""

    ip: str
    sender: str
    recipients: Sequence[str]


Event = Connected | Disconnected | Hello | StartTls | MailFrom | RcptTo | Data | EndOfData


class Action(StrEnum):
    """What the sink does."""

    ACCEPT = "accept"
    REFUSE = "refuse"  # with the answer's reply; 421 also ends the connection
    DROP = "drop"  # the connection ends without a reply
    ACCEPT_UNHEARD = "accept_unheard"  # accepted, but the connection ends before the reply


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sink does about an event, and how many seconds later."""

    action: Action = Action.ACCEPT
    reply: Reply | None = None  # given when refused
    delay_s: float = 0.0


_ACCEPT: Final = Answer()
_DROP: Final = Answer(Action.DROP)


class _Rule:
    """A refusal made ready for use."""

    def __init__(self, rule: Refusal, salt: str) -> None:
        self._rule, self._salt = rule, salt
        self._recipients = mask_pattern(rule.recipients)
        self._senders = mask_pattern(rule.senders)
        self.stage = rule.stage
        self.answer_text = rule.reply

    def applies(self, state: "SinkState", sender: str, recipients: Sequence[str]) -> bool:
        if self._senders is not None and self._senders.fullmatch(sender) is None:
            return False
        if self._recipients is not None and not any(map(self._recipients.fullmatch, recipients)):
            return False
        return self._rule.share >= 1 or self._lot(state, sender, recipients) < self._rule.share

    def _lot(self, state: "SinkState", sender: str, recipients: Sequence[str]) -> float:
        if self._rule.share_of == "attempts":
            return state.next_lot(self._salt)
        whose = recipients or (sender,)
        return lot(state.seed, self._salt, *(each.lower() for each in whose))


class SinkState:
    """All that one sink knows between events. Made once per start; only ``decide`` changes it."""

    def __init__(self, personality: Personality, *, mx: str, seed: str) -> None:
        self.personality, self.mx, self.seed = personality, mx, seed
        self.rules = [_Rule(rule, f"refuse {n}") for n, rule in enumerate(personality.refuse)]
        unknown, rate, grey = personality.unknown_users, personality.rate, personality.greylist
        limit, deferral = personality.connections, personality.defer
        self.unknown_masks = mask_pattern(unknown.recipients) if unknown else None
        self.connections = ConnectionCount(limit.max if limit else None)
        self.rate = SlidingRate(rate.messages, rate.per) if rate else None
        self.greylist = Greylist(grey.delay, grey.forget) if grey else None
        self.deferrals = DeferralCount(deferral.forget) if deferral else None
        self.wished_deferrals = DeferralCount(_FORGET_WISH_S)
        self._lots_drawn = 0

    def next_lot(self, salt: str) -> float:
        """A number in [0, 1), another at each call."""
        self._lots_drawn += 1
        return lot(self.seed, salt, str(self._lots_drawn))

    def after(self, delay: Delay) -> float:
        if not delay.jitter:
            return delay.time
        return delay.time + delay.jitter * self.next_lot("jitter")


def decide(state: SinkState, event: Event, now: float) -> Answer:
    """What the sink does about the event; ``now`` in seconds, never going back."""
    latency = state.personality.latency
    answer, delay = _ACCEPT, None
    match event:
        case RcptTo():
            answer, delay = _on_rcpt(state, event, now), latency.rcpt
        case MailFrom():
            answer, delay = _on_mail(state, event, now), latency.mail
        case EndOfData():
            answer, delay = _on_body(state, event), latency.data
        case Data():
            answer = _by_rule(state, "data", event.ip, event.sender, event.recipients) or _ACCEPT
        case Hello():
            answer = _by_rule(state, "ehlo", event.ip, "", (event.ip,)) or _ACCEPT
        case StartTls():
            answer = _by_rule(state, "starttls", event.ip, "", (event.ip,)) or _ACCEPT
        case Connected():
            answer, delay = _on_connect(state, event), latency.greeting
        case Disconnected():
            state.connections.close(event.ip)
    return answer if delay is None else _later(answer, state.after(delay))


def _later(answer: Answer, delay_s: float) -> Answer:
    return replace(answer, delay_s=answer.delay_s + delay_s) if delay_s else answer


def _on_connect(state: SinkState, event: Connected) -> Answer:
    limit = state.personality.connections
    refusal = _by_rule(state, "connect", event.ip, "", (event.ip,))
    if refusal is not None:
        return refusal
    if not state.connections.open(event.ip) and limit is not None:
        return _refuse(state, limit.reply, event.ip)
    return _ACCEPT


def _on_mail(state: SinkState, event: MailFrom, now: float) -> Answer:
    rate = state.personality.rate
    if rate is not None and state.rate is not None and not state.rate.admit(event.ip, now):
        return _refuse(state, rate.reply, event.ip, event.sender)
    return _by_rule(state, "mail", event.ip, event.sender, ()) or _ACCEPT


def _on_rcpt(state: SinkState, event: RcptTo, now: float) -> Answer:
    wish = wish_of(event.recipient)
    if wish is not None:
        answer = _as_wished(state, wish, event, now)
        if answer is not None:
            return _later(answer, wish.slow_s)
    ip, sender, recipient = event.ip, event.sender, event.recipient
    answer = (
        _by_rule(state, "rcpt", ip, sender, (recipient,))
        or _if_unknown(state, event)
        or _if_grey(state, event, now)
        or _if_deferred(state, event, now)
        or _ACCEPT
    )
    return answer if wish is None else _later(answer, wish.slow_s)


def _on_body(state: SinkState, event: EndOfData) -> Answer:
    drops = {wish.drop for each in event.recipients if (wish := wish_of(each)) is not None}
    if Drop.BODY in drops:
        return _DROP
    refusal = _by_rule(state, "body", event.ip, event.sender, event.recipients)
    if refusal is not None:
        return refusal
    return Answer(Action.ACCEPT_UNHEARD) if Drop.REPLY in drops else _ACCEPT


def _as_wished(state: SinkState, wish: Wish, event: RcptTo, now: float) -> Answer | None:
    if wish.reply is not None:
        return Answer(Action.REFUSE, wish.reply)
    if wish.drop is Drop.RCPT:
        return _DROP
    pair = digest(event.sender.lower(), event.recipient.lower())
    if wish.defer_times and state.wished_deferrals.defer(pair, wish.defer_times, now):
        return Answer(Action.REFUSE, reply_of(_WISH_DEFERRED))
    return None


def _by_rule(
    state: SinkState, stage: str, ip: str, sender: str, recipients: Sequence[str]
) -> Answer | None:
    for rule in state.rules:
        if rule.stage == stage and rule.applies(state, sender, recipients):
            recipient = recipients[0] if recipients else ""
            return _refuse(state, rule.answer_text, ip, sender, recipient)
    return None


def _if_unknown(state: SinkState, event: RcptTo) -> Answer | None:
    unknown = state.personality.unknown_users
    if unknown is None:
        return None
    address, masks = event.recipient, state.unknown_masks
    is_listed = masks is not None and masks.fullmatch(address) is not None
    if is_listed or (unknown.share and lot(state.seed, "user", address.lower()) < unknown.share):
        return _refuse(state, unknown.reply, event.ip, event.sender, address)
    return None


def _if_grey(state: SinkState, event: RcptTo, now: float) -> Answer | None:
    grey = state.personality.greylist
    if grey is None or state.greylist is None:
        return None
    network = network_of(event.ip, grey.ipv4_prefix, grey.ipv6_prefix)
    triplet = digest(network, event.sender.lower(), event.recipient.lower())
    if state.greylist.admit(triplet, now):
        return None
    return _refuse(state, grey.reply, event.ip, event.sender, event.recipient)


def _if_deferred(state: SinkState, event: RcptTo, now: float) -> Answer | None:
    deferral = state.personality.defer
    if deferral is None or state.deferrals is None:
        return None
    sender, recipient = event.sender.lower(), event.recipient.lower()
    if deferral.share < 1 and lot(state.seed, "defer", sender, recipient) >= deferral.share:
        return None
    if not state.deferrals.defer(digest(sender, recipient), deferral.times, now):
        return None
    return _refuse(state, deferral.reply, event.ip, event.sender, event.recipient)


def _refuse(state: SinkState, text: str, ip: str, sender: str = "", recipient: str = "") -> Answer:
    if text == DROP:
        return _DROP
    if "{" in text:
        for name, value in (
            ("{ip}", ip),
            ("{mx}", state.mx),
            ("{sender}", sender),
            ("{recipient}", recipient),
        ):
            text = text.replace(name, value)
    return Answer(Action.REFUSE, reply_of(text))
