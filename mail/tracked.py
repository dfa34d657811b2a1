"""What comes back of a message by HTTP, in the numbers of the modelled system.

Types of ``nms:trackingUrl``: Adobe Campaign Classic, "Indicator calculation".
"""

from enum import IntEnum, StrEnum
from typing import Final

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
