"""What the word after ``mtalab trace`` means: a lane, a domain, or a message."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from affinity.lane import LaneKey
from lab.configuration import Loaded
from lab.lane_names import UnknownLane, matching
from mail.address import canonical_domain
from monitor.lanes import LaneLine, lane_lines
from mta.trace.line import Recorded, Subject
from store import log
from store.engine import Store


@dataclass(frozen=True, slots=True)
class Target:
    """Which lines are wanted; with ``is_message`` None all of the lanes."""

    words: str
    is_lane: Callable[[str], bool]
    is_message: Callable[[Subject], bool] | None = None

    def covers(self, recorded: Recorded) -> bool:
        """Whether a line by itself is wanted: a connection's own lines belong to its lane."""
        subject = recorded.line.subject
        if not self.is_lane(recorded.ends.lane):
            return False
        return self.is_message is None or (subject is not None and self.is_message(subject))


def target_of(
    text: str, store: Store, loaded: Loaded, recorded: Callable[[], Collection[str]], now: float
) -> Target:
    """What is meant; ``recorded`` tells lanes that may not be configured any more.

    Raises:
        UnknownMessage, UnknownLane: there is none such.
        BadAddress: it is no domain.
    """
    if text.isascii() and text.isdigit():
        number = int(text)
        store.read_now(log.message, number)  # an unknown one is refused
        return Target(
            f"message {number}", lambda _: True, lambda subject: subject.message_id == number
        )
    if "." in text and not ("/" in text or ">" in text):  # no route's name has a dot
        pattern = domain_of(text)
        return Target(
            f"domain {pattern}",
            lambda _: True,
            lambda subject: fnmatchcase(subject.domain, pattern),
        )
    known = {each.lane: each for each in lane_lines(store, loaded.configuration, now)}
    try:
        keys = matching(text, list(known.values()))
    except UnknownLane:
        gone = [gone_lane(each) for each in recorded() if each not in known]
        keys = matching(text, [*known.values(), *gone])
    return Target(f"lane {text}", set(keys).__contains__)


def domain_of(text: str) -> str:
    """A domain, or a pattern of domains, as the store has them.

    Raises:
        BadAddress: it is none.
    """
    return text.lower() if "*" in text or "?" in text else canonical_domain(text)


def gone_lane(lane: str) -> LaneLine:
    """A lane that is not configured any more."""
    key = LaneKey.parse(lane)
    return LaneLine(lane, key.source_ip, key.mx_group, (), None, None, is_configured=False)
