"""All that one sink knows between events: its personality, and a memory that outlives it."""

from typing import Final

from sinks.afterwards import Afterwards
from sinks.events import DROP_IT, Action, Answer
from sinks.faults import Tarpit
from sinks.fields import DROP, Delay, reply_of
from sinks.limits import ConnectionCount, DayCount, DeferralCount, Greylist, SlidingRate
from sinks.lot import Lots
from sinks.mask import mask_pattern
from sinks.reputation import Reputations
from sinks.rules import Rules, Who
from sinks.settings import EXTENSIONS, Personality

_FORGET_WISH_S: Final = 5 * 86400.0  # as long as a message may be tried by default
# Keys of a personality that answer no event, or stand in its extensions and greeting.
_SILENT: Final = frozenset(
    {"description", "extends", "seed", "greeting", "extensions", "size_limit", "certificate"}
    | {"tarpit", "slow_close"}
    | {"bounce_later", "auto_reply", "complain"}
)
_PLAIN: Final = Personality()


def _is_plain(personality: Personality) -> bool:
    """Whether it answers nothing but what an address itself asks for."""
    return all(
        getattr(personality, key) == getattr(_PLAIN, key)
        for key in Personality.model_fields.keys() - _SILENT
    )


class SinkState:
    """Made once per start; events change it through ``decide``, an operator through ``become``."""

    def __init__(self, personality: Personality, *, mx: str, seed: str) -> None:
        self.mx = mx
        self.connections = ConnectionCount(None)
        self.rate: SlidingRate | None = None
        self.greylist: Greylist | None = None
        self.deferrals: DeferralCount | None = None
        self.wished_deferrals = DeferralCount(_FORGET_WISH_S)
        self.quotas: dict[tuple[str, str], DayCount] = {}  # by (of, resets)
        self.reputations = Reputations()
        self.become(personality, seed)

    def become(self, personality: Personality, seed: str) -> None:
        """Behave otherwise from the next event on; what is remembered stays.

        Also what the new personality does not use: one that comes back finds its memory.
        """
        self.personality, self.lots = personality, Lots(seed)
        self.is_plain = _is_plain(personality)
        # Nothing is asked, slowed down or left out, but what an address itself asks for.
        self.keeps_all = (
            self.is_plain
            and personality.tarpit is None
            and set(EXTENSIONS) - {"CHUNKING"} <= set(personality.extensions)
        )
        self.refusals = Rules(personality.refuse, "refuse")
        self.stalls = Rules(personality.stall, "stall")
        self.cuts = Rules(personality.drop, "drop")
        latency = personality.latency
        self.delays = {
            stage: delay
            for stage, delay in (
                ("connect", latency.greeting),
                ("ehlo", latency.ehlo),
                ("mail", latency.mail),
                ("rcpt", latency.rcpt),
                ("body", latency.data),
            )
            if delay.time or delay.jitter
        }
        unknown, reputation = personality.unknown_users, personality.reputation
        self.unknown_masks = mask_pattern(unknown.recipients) if unknown else None
        self.trap_masks = mask_pattern(reputation.traps) if reputation else None
        tarpit = personality.tarpit
        self._tarpit_masks = mask_pattern(tarpit.peers) if tarpit else None
        self.afterwards = Afterwards(personality, self.lots)
        # Whether what it has accepted may bring anything that its address does not ask for.
        self.writes_back = not (
            personality.bounce_later is None
            and personality.auto_reply is None
            and personality.complain is None
        )
        self._adjust_memory(personality)

    def _adjust_memory(self, personality: Personality) -> None:
        limit, rate = personality.connections, personality.rate
        grey, deferral = personality.greylist, personality.defer
        if limit is None:
            self.connections.change(None)
        else:
            self.connections.change(limit.max, limit.total)
        if rate is not None:
            self.rate = self.rate or SlidingRate(rate.messages, rate.per)
            self.rate.change(rate.messages, rate.per)
        if grey is not None:
            self.greylist = self.greylist or Greylist(grey.delay, grey.forget)
            self.greylist.change(grey.delay, grey.forget)
        if deferral is not None:
            self.deferrals = self.deferrals or DeferralCount(deferral.forget)
            self.deferrals.change(deferral.forget)
        for quota in personality.quota:
            self.quotas.setdefault((quota.of, quota.resets), DayCount())

    def after(self, delay: Delay) -> float:
        if not delay.jitter:
            return delay.time
        return delay.time + delay.jitter * self.lots.next("jitter")

    def tarpit_of(self, ip: str, age_s: float) -> Tarpit | None:
        """What slows the replies to this peer, whose connection is so many seconds old."""
        tarpit = self.personality.tarpit
        if tarpit is None or (tarpit.lasts is not None and age_s >= tarpit.lasts):
            return None
        if self._tarpit_masks is not None and self._tarpit_masks.fullmatch(ip) is None:
            return None
        if tarpit.share < 1 and self.lots.of("tarpit", ip) >= tarpit.share:
            return None
        return tarpit

    def refuse(self, text: str, who: Who) -> Answer:
        """The answer that a personality's reply makes, its places filled in."""
        if text == DROP:
            return DROP_IT
        if "{" in text:
            for name, value in (
                ("{ip}", who.ip),
                ("{mx}", self.mx),
                ("{sender}", who.sender),
                ("{recipient}", who.recipients[0] if who.recipients else ""),
            ):
                text = text.replace(name, value)
        return Answer(Action.REFUSE, reply_of(text))
