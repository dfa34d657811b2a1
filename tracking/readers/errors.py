"""What can go wrong with readers."""

from mail.errors import EnvironmentFault, UserError


class UnknownPersona(UserError):
    """A reader is to be like one that is not built in."""


class LedgerUnwritable(EnvironmentFault):
    """The ledger of the readers cannot be written or read: nothing is done unwritten."""


class DamagedLedger(UserError):
    """A line of the ledger is not what readers write."""


class MessageNotRead(UserError):
    """A message is too large or too strange to be read."""
