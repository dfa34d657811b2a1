"""What comes back of a message by HTTP, in the numbers of the modelled system.

Types of ``nms:trackingUrl``: Adobe Campaign Classic, "Indicator calculation".
"""

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

PIXEL: Final = 1  # the number of the URL that is the open pixel


class Kind(IntEnum):
    """What was done."""

    CLICK = 1
    OPEN = 2
    OPT_OUT = 3
    PAGE = 4  # a page that the reader visited after a click
    TRANSACTION = 5
    MIRROR = 6  # the mirror page was opened

    @property
    def label(self) -> str:
        return self.name.lower()


class UrlMode(StrEnum):
    """What is done with a URL of a content."""

    ENABLED = "enabled"  # tracked in this delivery
    DISABLED = "not_tracked"  # not in this delivery
    ALWAYS = "always"  # tracked, in later deliveries too
    NEVER = "never"  # not tracked, in later deliveries neither
    OPT_OUT = "opt_out"  # tracked, and whoever follows it is denylisted
    MIRROR = "mirror"  # tracked, and leads to the mirror page


TRACKED: Final = frozenset((UrlMode.ENABLED, UrlMode.ALWAYS, UrlMode.OPT_OUT, UrlMode.MIRROR))

UNSUBSCRIBE_FIELD: Final = "unsubscribe_url"  # in a message source: the unsubscription page
MIRROR_FIELD: Final = "mirror_url"  # in a message source: the message as a page


class LinkPlace(NamedTuple):
    """A link that differs from message to message, in a text that was rewritten for it."""

    name: str  # under which the text asks for what differs
    number: int  # of the tracked URL
    values: tuple[str, ...] = ()  # expressions whose values travel with it
    is_called: bool = False  # the text calls it with the values of these expressions


class Rewritten(NamedTuple):
    """A text of a message source with tracked links."""

    text: str
    links: tuple[LinkPlace, ...]
