"""Rules that tell what machines did from what people may have done.

Each is a guess with a reason that stands beside the event: ``docs/tracking.md`` says what each gets
wrong. Pure: what happened before and after an event is handed in.
"""

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fnmatch import translate
from typing import Final

from mail.tracked import Kind
from tracking.event import Event
from tracking.settings import TrackingSettings

HEAD: Final = "head"  # a HEAD request: no browser that shows a page makes one
AGENT: Final = "agent"  # its user agent is on the list
SCANNER: Final = "scanner"  # several links of a message at once
EARLY: Final = "early"  # sooner after delivery than a person can be
PREFETCH: Final = "prefetch"  # an image proxy's, as soon as the mail was there
REASONS: Final = (HEAD, AGENT, SCANNER, EARLY, PREFETCH)

_FOLLOWED: Final = frozenset((Kind.CLICK, Kind.OPT_OUT, Kind.MIRROR))  # by a link of the mail


@dataclass(frozen=True, slots=True)
class Seen:
    """An event and its name."""

    name: str
    event: Event


def is_one_click(event: Event) -> bool:
    """An unsubscription by POST: of a person, or of a mail program that a person told to."""
    return event.kind is Kind.OPT_OUT and event.method == "POST"


def reason(
    seen: Seen, scanned: AbstractSet[str], sent_at: float | None, settings: TrackingSettings
) -> str | None:
    """Why an event is a machine's; None: it may be a person's.

    Args:
        seen: the event.
        scanned: names of events that are a scanner's, as ``scanners`` found them.
        sent_at: when its message was delivered; None: that is not known.
        settings: how the rules are set.
    """
    event = seen.event
    if is_one_click(event):
        return None
    if event.method == "HEAD":
        return HEAD
    if is_of(event.agent, settings.machine_agents):
        return AGENT
    if seen.name in scanned:
        return SCANNER
    if sent_at is None:
        return None
    return _too_soon(event, event.at - sent_at, settings)


def _too_soon(event: Event, after_s: float, settings: TrackingSettings) -> str | None:
    if after_s < settings.too_early:
        return EARLY
    is_open = event.kind is Kind.OPEN and after_s < settings.prefetch_within
    return PREFETCH if is_open and is_of(event.agent, settings.proxy_agents) else None


@functools.lru_cache(maxsize=4096)
def is_of(agent: str, masks: tuple[str, ...]) -> bool:
    """Whether a user agent is on a list."""
    return _any_of(masks).fullmatch(agent.casefold()) is not None


@functools.lru_cache(maxsize=16)
def _any_of(masks: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(each.casefold()) for each in masks) or r"(?!)")


def scanners(events: Iterable[Seen], links: int, within_s: float) -> frozenset[str]:
    """The names of those events that are a scanner's.

    A scanner follows ``links`` different links of one message within ``within_s`` seconds. What
    the same client (address and agent) did with the message in that time is its too.
    """
    by_message: dict[int, list[Seen]] = defaultdict(list)
    for each in events:
        by_message[each.event.message_id].append(each)
    found: list[str] = []
    for these in by_message.values():
        if len(these) >= links:
            these.sort(key=lambda each: (each.event.at, each.name))
            for burst in _bursts(these, links, within_s):
                found += _of_one_hand(these, burst, within_s)
    return frozenset(found)


def _bursts(events: Sequence[Seen], links: int, within_s: float) -> Iterable[Sequence[Seen]]:
    """Follow-ups of enough different links in time: the longest ones."""
    followed = [each for each in events if _is_followed(each.event)]
    urls: Counter[int] = Counter()
    start, begun = 0, None
    for end, each in enumerate(followed):
        while each.event.at - followed[start].event.at > within_s:
            if begun is not None:
                yield followed[begun:end]
                begun = None
            urls -= Counter((followed[start].event.url,))
            start += 1
        urls[each.event.url] += 1
        if len(urls) >= links and begun is None:
            begun = start
    if begun is not None:
        yield followed[begun:]


def _is_followed(event: Event) -> bool:
    return event.kind in _FOLLOWED and not is_one_click(event)


def _of_one_hand(events: Sequence[Seen], burst: Sequence[Seen], within_s: float) -> Iterable[str]:
    """The names of what the clients of a burst did around it."""
    begin, end = burst[0].event.at - within_s, burst[-1].event.at + within_s
    clients = {(each.event.ip, each.event.agent) for each in burst}
    for each in events:
        event = each.event
        if begin <= event.at <= end and (event.ip, event.agent) in clients:
            yield each.name
