"""What a user can get wrong about a session; what servers do wrong is a value, not an error.

BadHelo    UserError: the name for EHLO cannot be said on the wire
"""

from mail.errors import UserError


class BadHelo(UserError):
    """The EHLO name has characters that an SMTP command cannot carry."""

    def __init__(self, helo: str) -> None:
        super().__init__(
            f"{helo!r} cannot be said in EHLO",
            remedy="Give a host name in ASCII, without spaces, as helo of the source IP.",
        )
