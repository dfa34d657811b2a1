"""What goes wrong in a worker's room.

UserError
├── BadTemplate            a message source cannot be read or compiled
├── UnknownField           a source asks for a field that the recipients do not have
└── BadRules               the file of bounce rules is wrong
MtalabError
└── PersonalizationError   one recipient's content cannot be made; the other messages go on
"""

from mail.errors import MtalabError, UserError


class BadTemplate(UserError):
    """A message source cannot be read or compiled; file and line say where."""


class UnknownField(UserError):
    """A message source asks for a field that is not among the recipients' columns."""


class BadRules(UserError):
    """The file of bounce rules is wrong; all its mistakes are listed."""


class PersonalizationError(MtalabError):
    """One recipient's content cannot be made; trying again would not help.

    ``part`` is the header or the body part, ``field`` the personal field where one is to blame.
    """

    def __init__(self, reason: str, *, part: str = "", field: str | None = None) -> None:
        self.reason, self.part, self.field = reason, part, field
        super().__init__(f"{part}: {reason}" if part else reason)
