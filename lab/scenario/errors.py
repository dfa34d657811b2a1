"""What can go wrong with a scenario besides what its file says."""

from mail.errors import EnvironmentFault, UserError


class NoSuchProcess(UserError):
    """An event is about a process that does not run then."""


class NotInThisMode(UserError):
    """A scenario was asked to run in a way that it does not allow."""


class NoFreePort(EnvironmentFault):
    """There is no port to be had at an address of a lab that is to run for real."""


class NothingOfTheName(UserError):
    """An event is about an instance or a lane that is not configured."""
