"""What a source has used up or earned: its quotas of the day, and its reputation."""

from collections.abc import Mapping, Sequence
from typing import Final

from sinks.events import Action, Answer, Asked, EndOfData, RcptTo
from sinks.fields import seconds_of_day
from sinks.limits import network_of
from sinks.rules import Who
from sinks.standing import Quota, Reputation
from sinks.state import SinkState

_DAY_S: Final = 86400.0


def by_quota(state: SinkState, keys: Mapping[str, str], who: Who, wall: float) -> Answer | None:
    """Refuse what is over a quota; what is over none is counted for all."""
    if not state.personality.quota:
        return None
    concerned = [each for each in state.personality.quota if each.of in keys]
    for quota in concerned:
        count = state.quotas[quota.of, quota.resets]
        if count.so_far(keys[quota.of], _day(quota, wall)) >= quota.messages:
            return state.refuse(quota.reply, who)
    for quota in concerned:
        state.quotas[quota.of, quota.resets].add(keys[quota.of], _day(quota, wall))
    return None


def _day(quota: Quota, wall: float) -> int:
    return int((wall - seconds_of_day(quota.resets)) // _DAY_S)


def _source(settings: Reputation, ip: str) -> str:
    if settings.ipv4_prefix == 32 and settings.ipv6_prefix == 128:
        return ip
    return network_of(ip, settings.ipv4_prefix, settings.ipv6_prefix)


def by_reputation(state: SinkState, stage: str, who: Who, now: float) -> Answer | None:
    settings = state.personality.reputation
    if settings is None or not settings.steps:
        return None
    reputation = state.reputations.of(_source(settings, who.ip), settings, now)
    undercut = [each for each in settings.steps if reputation < each.below]
    step = min(undercut, key=lambda each: each.below, default=None)
    if step is None or step.stage != stage:
        return None
    if step.share < 1 and state.lots.next("reputation") >= step.share:
        return None
    return state.refuse(step.reply.replace("{reputation}", f"{reputation:.2f}"), who)


def note(state: SinkState, settings: Reputation, event: Asked, answer: Answer, now: float) -> None:
    """What the source has earned by this."""
    recipients: Sequence[str]
    if isinstance(event, RcptTo):
        recipients = (event.recipient,)
    elif isinstance(event, EndOfData):
        recipients = event.recipients
    else:
        return
    good = bad = 0.0
    if answer.reply is not None and answer.reply.is_permanent:
        bad = settings.bounce * len(recipients)
    elif isinstance(event, EndOfData) and answer.action is not Action.DROP:
        masks = state.trap_masks
        traps = (
            0 if masks is None else sum(masks.fullmatch(each) is not None for each in recipients)
        )
        good, bad = float(len(recipients) - traps), settings.trap * traps
    if good or bad:
        source = _source(settings, event.ip)
        state.reputations.note(source, settings, now, good=good, bad=bad)
