"""What can go wrong with the store.

StoreUnavailable    EnvironmentFault: cannot be opened, read or written now
StoreTooNew         UserError: made by a newer mtalab
BadStoreUrl         UserError: not a URL of a database that we speak
UnknownDelivery     UserError: no delivery of that number
UnknownMessage      UserError: no message of that number
UnknownWave         UserError: no wave of that number
NotTracked          UserError: a delivery that is not tracked, or has no such URL
LinksAreOut         UserError: mails with these links may have been sent
NotForThisUrl       UserError: what cannot be said of the pixel and of our own pages
LastKey             UserError: of the keys that seal, one must stay
KeysInUse           UserError: keys that mail is being sealed with
KeyTaken            UserError: a submission whose key somebody else took meanwhile
"""

from mail.errors import EnvironmentFault, UserError


class StoreUnavailable(EnvironmentFault):
    """The database cannot be opened, read or written now; nothing was half-done."""


class StoreTooNew(UserError):
    """The database was made by a newer version of mtalab."""


class BadStoreUrl(UserError):
    """The store URL names no database that mtalab speaks."""


class UnknownDelivery(UserError):
    """There is no delivery of that number."""

    def __init__(self, delivery_id: int) -> None:
        super().__init__(
            f"there is no delivery {delivery_id}", remedy="`mtalab deliveries` lists them."
        )


class UnknownWave(UserError):
    """A delivery has no such wave."""

    def __init__(self, delivery_id: int, wave: int, waves: int) -> None:
        has = f"it has {waves}" if waves else "it goes in one"
        super().__init__(
            f"delivery {delivery_id} has no wave {wave}: {has}",
            remedy=f"`mtalab wave list {delivery_id}` shows its waves.",
        )


class CannotNow(UserError):
    """An action that the status of its object does not allow."""


class SubmissionGone(UserError):
    """A submission that was given up is gone on with."""

    def __init__(self, delivery_id: int) -> None:
        super().__init__(
            f"delivery {delivery_id} was taken back: its submission had come to a standstill",
            remedy="Submit it again.",
        )


class UnknownMessage(UserError):
    """There is no message of that number."""

    def __init__(self, message_id: int) -> None:
        super().__init__(f"there is no message {message_id}", remedy="`mtalab log` lists messages.")


class UnknownFailureText(UserError):
    """No failure text has that key."""

    def __init__(self, key: str, *, is_ambiguous: bool) -> None:
        what = "several failure texts have keys that begin with" if is_ambiguous else "no text has"
        super().__init__(f"{what} {key!r}", remedy="`mtalab bounces texts` lists them.")


class NotTracked(UserError):
    """A delivery is not tracked, or has no such URL."""

    def __init__(self, delivery_id: int, url: int | None = None) -> None:
        if url is None:
            super().__init__(
                f"delivery {delivery_id} is not tracked",
                remedy="Tracked is what is submitted while [tracking] listen is not off.",
            )
        else:
            super().__init__(
                f"delivery {delivery_id} has no URL {url}",
                remedy=f"`mtalab urls {delivery_id}` lists them.",
            )


class LinksAreOut(UserError):
    """Mails with these links may have been sent: what they lead to stays as it is."""

    def __init__(self, delivery_id: int, status: str) -> None:
        super().__init__(
            f"delivery {delivery_id} is {status.replace('_', ' ')}: mails with its links are out",
            remedy="Say it before a delivery begins: submit with --hold, then `mtalab confirm`.",
        )


class NotForThisUrl(UserError):
    """The pixel and our own pages are what they are."""

    def __init__(self, number: int, label: str) -> None:
        super().__init__(
            f"URL {number} ({label}) is not of the message's own: its mode cannot be changed",
            remedy="Its label and category can. Without tracking: `mtalab submit --no-tracking`.",
        )


class LastKey(UserError):
    """Of the keys that seal, one must stay."""

    def __init__(self) -> None:
        super().__init__(
            "one key at least must be kept: without it no link is sealed",
            remedy="Make a new one first, and keep that.",
        )


class KeysInUse(UserError):
    """Mail is being sealed with keys that are to be withdrawn."""

    def __init__(self, deliveries: int) -> None:
        super().__init__(
            f"{deliveries} deliveries that are being sent began with these keys",
            remedy="Wait until they are over, or use --anyway: their links then lead nowhere, "
            "and bounces to them are not ours.",
        )


class KeyTaken(UserError):
    """A submission's key was taken by another request: that one will be the one that counts."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the same submission was begun anew with the key {key!r}: this one stood still",
            remedy="Send it again with the same key: you are told what became of it.",
        )
