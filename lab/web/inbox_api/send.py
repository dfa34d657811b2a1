"""``/api/v1/send``: a mail made of JSON, which a sink of this lab receives by SMTP."""

import re
import smtplib
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Mapping
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError, model_validator

from lab.inbox.tags import checked_tags
from lab.web.changing import Changeable
from lab.web.inbox_api.speaking import Body, NotAsked, SpokenAsJson, object_in, problem_with
from lab.web.lab_here import LabHere
from mail.notation import split_endpoint
from sinks.control import ask

router = APIRouter(route_class=SpokenAsJson)
_WAIT_S: Final = 30.0
_ID: Final = re.compile(r"Accepted as (\S+)")
_NAME: Final = re.compile(r"[!-9;-~]+")
_TAKEN: Final = frozenset(
    ("to", "from", "cc", "bcc", "reply-to", "date", "subject", "content-type", "mime-version")
)


class _Given(BaseModel):
    """Keys may be in any case, and others than ours are passed over: so does Mailpit."""

    @model_validator(mode="before")
    @classmethod
    def _lowered(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        # null is the same as nothing
        return {key.lower(): each for key, each in value.items() if each is not None}


class Person(_Given):
    """Somebody's address."""

    email: str
    name: str = ""


class File(_Given):
    """An attachment, its content in Base64; with a ContentID it is shown within the mail."""

    content: str
    filename: str
    contenttype: str = ""
    contentid: str = ""


class Letter(_Given):
    """Mailpit's SendRequest."""

    sender: Person = Field(alias="from")
    to: list[Person] = []
    cc: list[Person] = []
    bcc: list[str] = []
    replyto: list[Person] = []
    subject: str = ""
    text: str = ""
    html: str = ""
    headers: dict[str, str] = {}
    tags: list[str] = []
    attachments: list[File] = []


@router.post("/send")
def send(lab: Changeable, body: Body) -> dict[str, str]:
    """Answers with the ID that the mail has in the inbox."""
    try:
        letter = Letter.model_validate(object_in(body))
    except ValidationError as error:
        raise problem_with(error) from error
    recipients = [each.email for each in (*letter.to, *letter.cc)] + letter.bcc
    if not recipients:
        raise NotAsked("No valid recipient addresses found")
    try:
        message = _message(lab, letter)
        content = message.as_bytes(policy=SMTP)
        for each in letter.bcc:
            Address(addr_spec=each)
    except (ValueError, MessageError, UnicodeError, IndexError) as error:
        raise NotAsked(f"error building message: {error}") from error
    return {"ID": _delivered(lab, letter.sender.email, recipients, content)}


def _message(lab: LabHere, letter: Letter) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Date"] = formatdate(lab.now())
    message["From"] = _address(letter.sender)
    people = {"To": letter.to, "Cc": letter.cc, "Reply-To": letter.replyto}
    for name, each in people.items():
        if each:
            message[name] = [_address(one) for one in each]
    message["Subject"] = letter.subject
    if letter.tags:
        message["X-Tags"] = ", ".join(checked_tags(letter.tags))
    _add_headers(message, letter.headers, has_tags=bool(letter.tags))
    if "Message-ID" not in message:
        message["Message-ID"] = f"<{lab.machine.chance().token(22)}@mailpit>"
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    for file in letter.attachments:
        _attach(message, file)
    return message


def _address(person: Person) -> Address:
    return Address(person.name, addr_spec=person.email)


def _add_headers(message: EmailMessage, headers: Mapping[str, str], *, has_tags: bool) -> None:
    for name, value in headers.items():
        if name.lower() in _TAKEN or (has_tags and name.lower() == "x-tags"):
            raise ValueError(f'cannot overwrite header: "{name}"')
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} cannot be a header's name")
        message[name] = value


def _attach(message: EmailMessage, file: File) -> None:
    try:
        # Browsers put the media type before it: data:image/png;base64,…
        content = b64decode(file.content.rpartition(",")[2], validate=True)
    except BadBase64 as error:
        raise ValueError(f'error decoding base64 attachment "{file.filename}": {error}') from error
    media_type = file.contenttype.partition(";")[0].strip() or "application/octet-stream"
    kind, _, subtype = media_type.partition("/")
    content_id = f"<{file.contentid.strip('<>')}>" if file.contentid else None
    message.add_attachment(
        content,
        maintype=kind,
        subtype=subtype,
        filename=file.filename,
        cid=content_id,
        disposition="inline" if content_id else "attachment",
    )


def _delivered(lab: LabHere, sender: str, recipients: list[str], content: bytes) -> str:
    sink, listen = _receiver(lab)
    host, port = split_endpoint(listen)
    try:
        with smtplib.SMTP(host.strip("[]"), port, "localhost", timeout=_WAIT_S) as smtp:
            smtp.ehlo()
            _heard(sink, smtp.mail(sender))
            for each in recipients:
                _heard(sink, smtp.rcpt(each))
            said = _heard(sink, smtp.data(content))
    except (OSError, smtplib.SMTPException) as error:
        raise NotAsked(f"SMTP error: sink {sink!r}: {error}") from error
    found = _ID.search(said)
    if found is None:
        raise NotAsked(f"sink {sink!r} did not tell where it put the message: {said!r}")
    return found[1]


def _heard(sink: str, reply: tuple[int, bytes]) -> str:
    """The words of a reply, if it accepts."""
    code, words = reply[0], reply[1].decode("utf-8", "replace")
    if code >= 400:
        raise NotAsked(f"SMTP error: sink {sink!r} says {code} {words}")
    return words


def _receiver(lab: LabHere) -> tuple[str, str]:
    """A running sink that keeps what it receives, and where it listens: ``inbox``, or the first."""
    own = lab.loaded.configuration.sink
    keep = [
        (each["sink"], each["listen"])
        for each in ask(lab.loaded.directory, {"do": "list"})["sinks"]
        if each["sink"] in own and own[each["sink"]].inbox
    ]
    if not keep:
        raise NotAsked(
            "no running sink keeps what it receives", remedy="Set inbox = true under [sink.NAME]."
        )
    return min(keep, key=lambda each: each[0] != "inbox")
