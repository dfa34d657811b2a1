"""The names of events that webhooks are told, and the masks that choose among them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from mail.states import MessageEvent
from mail.tracked import Kind

MESSAGE: Final[Mapping[MessageEvent, str]] = {
    MessageEvent.ACCEPTED: "message.sent",
    MessageEvent.DEFERRED: "message.deferred",
    MessageEvent.REFUSED: "message.failed",
    MessageEvent.EXCLUDED: "message.ignored",
    MessageEvent.WITHDRAWN: "message.cancelled",
    MessageEvent.EXPIRED_UNTRIED: "message.cancelled",
    MessageEvent.EXPIRED_TRIED: "message.failed",
    MessageEvent.BOUNCED_LATER: "message.failed",
    MessageEvent.RETRIED_BY_HAND: "message.retried",
}
TRACKING: Final[Mapping[Kind, str]] = {each: f"tracking.{each.label}" for each in Kind}
TEST: Final = "webhook.test"  # asked for by `mtalab webhooks test` alone
NAMES: Final = tuple(dict.fromkeys((*MESSAGE.values(), *TRACKING.values())))


def valid_event_mask(mask: str) -> str:
    """The mask; raises ValueError for one that no event can match."""
    if not any(fnmatchcase(each, mask) for each in NAMES):
        raise ValueError(f"expected one of {', '.join(NAMES)}, or such with * and ?")
    return mask


@dataclass(frozen=True, slots=True)
class Wanted:
    """What some masks choose, as the store knows it."""

    messages: tuple[MessageEvent, ...]
    tracking: tuple[Kind, ...]


def wanted(masks: Iterable[str]) -> Wanted:
    """The events of which at least one mask matches the name."""
    these = tuple(masks)

    def is_wanted(name: str) -> bool:
        return any(fnmatchcase(name, mask) for mask in these)

    return Wanted(
        tuple(each for each, name in MESSAGE.items() if is_wanted(name)),
        tuple(each for each, name in TRACKING.items() if is_wanted(name)),
    )
