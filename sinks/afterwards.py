"""What an accepted message brings its sender afterwards: decided by the seed, sent by others.

Rules of this file: no clock, no socket, no dice. Who bounces, bounces each time; who complains,
complains of this message or another one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from sinks.fields import Delay
from sinks.later import AutoReply, BounceLater, BounceReason, Complain, Form
from sinks.local_part import Later, Wish, text_of, wish_of
from sinks.lot import Lots
from sinks.mask import mask_pattern
from sinks.settings import Personality

_WISHED_DELAY: Final = Delay(time=1.0)  # where the personality has none


class Kind(StrEnum):
    """What is sent back."""

    BOUNCE = "bounce"
    AUTO_REPLY = "auto_reply"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Comeback:
    """One mail that is to be sent back."""

    kind: Kind
    after_s: float
    form: Form = "dsn"
    status: str = ""
    action: Literal["failed", "delayed"] = "failed"
    subject: str = ""  # of an auto-reply
    text: str = ""
    feedback_type: str = ""
    to: str | None = None  # None: the return path of the message


class Afterwards:
    """What one personality sends back."""

    def __init__(self, personality: Personality, lots: Lots) -> None:
        self._personality, self._lots = personality, lots
        rules = (personality.bounce_later, personality.auto_reply, personality.complain)
        self._bounces, self._replies, self._complaints = (
            None if each is None else _matcher(each.recipients) for each in rules
        )

    def of(self, sender: str, recipient: str, message: str) -> Iterator[Comeback]:
        """What a message brings; ``message`` is its Message-ID, or what stands for it.

        Nothing is ever sent back for the null sender (RFC 5321, 4.5.5; RFC 3834, 2).
        """
        if not sender:
            return
        wish, address = wish_of(recipient), recipient.lower()
        bounce = self._bounce(wish, recipient, address, message)
        if bounce is not None:
            yield bounce
            return
        yield from self._reply(wish, recipient, address, message)
        yield from self._complaint(wish, recipient, address, message)

    def _bounce(
        self, wish: Wish | None, recipient: str, address: str, message: str
    ) -> Comeback | None:
        rule = self._personality.bounce_later
        is_wished = wish is not None and wish.later is Later.BOUNCE
        if not is_wished and (
            rule is None
            or self._bounces is None
            or not self._bounces(recipient)
            or not self._hits("bounce", rule.share, address)
        ):
            return None
        if wish is not None and is_wished:
            reason = BounceReason(status=wish.status, text=text_of(wish.status))
        else:
            assert rule is not None
            reason = _weighted(rule.reasons, self._lots.of("bounce reason", address))
        form: Form = "dsn"  # no other one can say that a message is only late
        if rule is not None and reason.action == "failed":
            place = int(self._lots.of("bounce format", address) * len(rule.formats))
            form = rule.formats[place]
        return Comeback(
            Kind.BOUNCE,
            self._after(rule, "bounce", address, message),
            form,
            reason.status,
            reason.action,
            text=reason.text,
        )

    def _reply(
        self, wish: Wish | None, recipient: str, address: str, message: str
    ) -> Iterator[Comeback]:
        rule = self._personality.auto_reply
        is_away = rule is not None and self._replies is not None and self._replies(recipient)
        is_away = is_away and rule is not None and self._hits("away", rule.share, address)
        if is_away or (wish is not None and wish.later is Later.REPLY):
            said = rule or AutoReply()
            yield Comeback(
                Kind.AUTO_REPLY,
                self._after(rule, "away", address, message),
                subject=said.subject,
                text=said.text,
            )

    def _complaint(
        self, wish: Wish | None, recipient: str, address: str, message: str
    ) -> Iterator[Comeback]:
        rule = self._personality.complain
        is_cross = rule is not None and self._complaints is not None and self._complaints(recipient)
        is_cross = (
            is_cross and rule is not None and self._hits("complaint", rule.share, address, message)
        )
        if is_cross or (wish is not None and wish.later is Later.COMPLAIN):
            said = rule or Complain()
            yield Comeback(
                Kind.COMPLAINT,
                self._after(rule, "complaint", address, message),
                feedback_type=said.feedback_type,
                to=said.to,
            )

    def _hits(self, salt: str, share: float, *whose: str) -> bool:
        return share >= 1 or self._lots.of(salt, *whose) < share

    def _after(
        self, rule: BounceLater | AutoReply | Complain | None, salt: str, address: str, message: str
    ) -> float:
        delay = _WISHED_DELAY if rule is None else rule.delay
        if not delay.jitter:
            return delay.time
        return delay.time + delay.jitter * self._lots.of(f"{salt} delay", address, message)


def _matcher(masks: Sequence[str]) -> Callable[[str], bool]:
    pattern = mask_pattern(masks)
    if pattern is None:
        return lambda _: True
    return lambda address: pattern.fullmatch(address) is not None


def _weighted(reasons: Sequence[BounceReason], lot: float) -> BounceReason:
    left = lot * sum(each.weight for each in reasons)
    for each in reasons:
        left -= each.weight
        if left < 0:
            return each
    return reasons[-1]
