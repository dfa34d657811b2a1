"""What goes wrong with a lab that is driven from Python, beside what the commands raise too.

EnvironmentFault
├── LabDidNotStart  its processes did not come up in time
├── NoFreePort      an address with :0 is not this machine's
├── NotOver         a delivery did not come to its end in time; also a TimeoutError
└── DidNotArrive    the sinks did not receive as much as was waited for; also a TimeoutError
"""

from lab.detached import LabDidNotStart
from mail.errors import EnvironmentFault

__all__ = ["DidNotArrive", "LabDidNotStart", "NoFreePort", "NotOver"]


class NoFreePort(EnvironmentFault):
    """There is no port to be had at an address of a temporary lab."""


class NotOver(EnvironmentFault, TimeoutError):
    """A delivery still has messages to send; what they wait for is in the text."""


class DidNotArrive(EnvironmentFault, TimeoutError):
    """The sinks did not receive as many messages as were waited for."""
