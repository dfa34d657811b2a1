"""What a script has in hand, a message and recipients, as the files that a submission reads.

A submission reads its recipients twice, and an iterable can be read once: they are written to a
file as they come, so memory does not grow with their number.
"""

import email.policy
from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from os import PathLike
from pathlib import Path
from typing import Any, Final

import orjson

from lab.submit.errors import BadSubmission
from mail.errors import Where

Source = bytes | str | EmailMessage | PathLike[str]
Recipient = str | Mapping[str, Any]  # an address, or fields of which one is `address` or `email`
Recipients = PathLike[str] | Iterable[Recipient]

MESSAGE: Final = "message"
RECIPIENTS: Final = "recipients.jsonl"
# An expression must stay on one line, so no header is folded; RFC 5322 is kept when it is sent.
_POLICY: Final = email.policy.SMTP.clone(max_line_length=0)


def message_file(message: Source, folder: Path) -> Path:
    """A file with the message source; a path is taken as it is."""
    if isinstance(message, PathLike):
        return Path(message)
    if isinstance(message, EmailMessage):
        source = message.as_bytes(policy=_POLICY)
    else:
        source = message.encode() if isinstance(message, str) else message
    file = folder / MESSAGE
    file.write_bytes(source)
    return file


def recipients_file(recipients: Recipients, folder: Path) -> Path:
    """A file with the recipients, one JSON object a line; a path is taken as it is.

    Raises:
        BadSubmission: one of them is neither an address nor fields of JSON values.
        OSError: the folder has no room for them.
    """
    if isinstance(recipients, PathLike):
        return Path(recipients)
    if isinstance(recipients, str | bytes | Mapping):
        raise BadSubmission(
            f"the recipients are one {type(recipients).__name__}, not many",
            where=Where(key="recipients"),
            remedy="Give a list, even of one: [address]; a file's name as pathlib.Path.",
        )
    file = folder / RECIPIENTS
    with file.open("wb") as handle:
        for number, each in enumerate(recipients, 1):
            handle.write(_line(each, number))
    return file


def _line(recipient: object, number: int) -> bytes:
    fields = {"address": recipient} if isinstance(recipient, str) else recipient
    if isinstance(fields, Mapping):
        try:
            return orjson.dumps(dict(fields), option=orjson.OPT_APPEND_NEWLINE)
        except TypeError as error:
            why = str(error)
    else:
        why = f"it is a {type(fields).__name__}"
    raise BadSubmission(
        f"recipient {number} is neither an address nor fields with text or JSON values: {why}",
        where=Where(key="recipients"),
        remedy='Give "ada@example.test" or {"address": "ada@example.test", "name": "Ada"}.',
    )
