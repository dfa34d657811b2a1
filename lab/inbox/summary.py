"""What a list shows of a mail, and the words that it is found by: read once, kept in the index."""

from dataclasses import dataclass
from typing import Any, Final

from lab.inbox.mime import Mail, Mailbox, words_of
from lab.inbox.tags import tags_from
from sinks.receipts import Receipt

_SNIPPET_MAX: Final = 250  # characters
_DOTS: Final = "..."


@dataclass(frozen=True, slots=True)
class Summary:
    """One mail in a list."""

    message_id: str  # without its angle brackets
    sender: Mailbox | None
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]  # those of the envelope that no header names are among them
    reply_to: tuple[Mailbox, ...]
    subject: str
    snippet: str
    size: int  # bytes
    attachments: int
    inlines: int
    tags: tuple[str, ...]  # that the mail itself asks for, by X-Tags

    def as_line(self) -> list[Any]:
        boxes = (self.to, self.cc, self.bcc, self.reply_to)
        return [
            self.message_id,
            None if self.sender is None else list(self.sender),
            *(list(map(list, each)) for each in boxes),
            self.subject,
            self.snippet,
            self.size,
            self.attachments,
            self.inlines,
            self.tags,
        ]


def summary_from(line: list[Any]) -> Summary:
    """From what ``as_line`` gave."""
    message_id, sender, to, cc, bcc, reply_to, subject, snippet, size, files, inlines, tags = line
    return Summary(
        message_id,
        None if sender is None else Mailbox(*sender),
        _mailboxes(to),
        _mailboxes(cc),
        _mailboxes(bcc),
        _mailboxes(reply_to),
        subject,
        snippet,
        size,
        files,
        inlines,
        tuple(tags),
    )


def summary_of(receipt: Receipt, mail: Mail) -> Summary:
    """Of a mail as one sink received it."""
    to, cc = mail.mailboxes("To"), mail.mailboxes("Cc")
    return Summary(
        message_id=(mail.header("Message-ID")).strip("<>"),
        sender=sender_of(mail),
        to=tuple(to),
        cc=tuple(cc),
        bcc=tuple(blind_copies(receipt, mail)),
        reply_to=tuple(mail.mailboxes("Reply-To")),
        subject=mail.header("Subject"),
        snippet=_snippet(mail),
        size=receipt.size,
        attachments=len(mail.attachments),
        inlines=len(mail.inlines),
        tags=tuple(tags_from(mail.header("X-Tags").split(","))),
    )


def sender_of(mail: Mail) -> Mailbox | None:
    """Its From; None: it has none. What is no address counts as a name."""
    found = mail.mailboxes("From")
    if found:
        return found[0]
    said = mail.header("From")
    return Mailbox(said, "") if said else None


def blind_copies(receipt: Receipt, mail: Mail) -> list[Mailbox]:
    """Bcc as Mailpit has it: the header's, and recipients of the envelope that no header names."""
    found = mail.mailboxes("Bcc")
    named = {
        each.address.lower() for each in (*mail.mailboxes("To"), *mail.mailboxes("Cc"), *found)
    }
    return found + [Mailbox("", each) for each in receipt.rcpt_to if each.lower() not in named]


def words_for_search(summary: Summary, mail: Mail) -> str:
    """All that a mail is found by, in lower case."""
    boxes = (summary.sender, *summary.to, *summary.cc, *summary.bcc, *summary.reply_to)
    people = [f"{each.name} {each.address}" for each in boxes if each is not None]
    files = [each.name for each in mail.parts if each.name]
    text = (mail.text, words_of(mail.html))
    return " ".join(
        " ".join((summary.message_id, summary.subject, *people, *files, *text)).lower().split()
    )


def _snippet(mail: Mail) -> str:
    text = " ".join(mail.readable.split())
    if len(text) <= _SNIPPET_MAX:
        return text
    return text[: _SNIPPET_MAX - len(_DOTS)] + _DOTS


def _mailboxes(pairs: list[list[str]]) -> tuple[Mailbox, ...]:
    return tuple(Mailbox(*each) for each in pairs)
