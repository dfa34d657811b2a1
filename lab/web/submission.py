"""What a submission looks like in a request: as JSON, as a form with files, as a message."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.acting.letter_source import Letter, source_of
from lab.acting.submitting import Given, Terms
from lab.web.asked import BadQuestion, seconds_of
from lab.web.forms import File, Form
from lab.web.problems import WebRefusal
from mail.errors import Where

LATEST: Final = 7_258_118_400.0  # 2200-01-01
_PLAIN: Final = r"^[^\x00-\x1f\x7f]+$"
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=_PLAIN)]


class InvalidRequest(WebRefusal):
    """A submission that is not written as one; ``errors`` tell each place."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, error: ValidationError) -> None:
        self.errors = [
            {"where": ".".join(str(each) for each in found["loc"]), "what": found["msg"]}
            for found in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        first = self.errors[0]
        super().__init__(
            first["what"],
            where=Where(key=first["where"] or "body"),
            remedy="/openapi.json has the schema; docs/api.md has examples.",
        )


class TermsAsked(BaseModel):
    """What is said of a delivery, as options of `mtalab submit` are."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    affinity: Word = Field(description="Affinity to send by.", examples=["promo"])
    label: Word | None = Field(default=None, description="Its name in lists; else the subject.")
    contact_at: float | None = Field(
        default=None,
        ge=0,
        le=LATEST,
        allow_inf_nan=False,
        description="Contact date in seconds since 1970.",
    )
    at: str | None = Field(
        default=None,
        max_length=50,
        description="Or as 2026-12-24T08:00+01:00, or +10m from now.",
        examples=["+10m"],
    )
    priority: (
        Annotated[int, Field(ge=-(2**31) + 1, lt=2**31)] | Literal["low", "normal", "high"]
    ) = "normal"
    validity: str | None = Field(
        default=None,
        max_length=50,
        description="How long it may try; default: as configured.",
        examples=["2d"],
    )
    waves: str | None = Field(
        default=None, max_length=1000, description="As for the command.", examples=["30%:6h"]
    )
    hold: bool = Field(default=False, description="Send nothing before it is confirmed.")
    include_quarantined: bool = Field(
        default=False, description="Send to quarantined addresses too, as proofs do."
    )
    track: bool = Field(default=True, description="Where tracking is on.")
    address_column: Word | None = Field(
        default=None, description="Where the addresses are; default: address or email."
    )
    skip_bad_rows: bool = Field(
        default=False, description="Leave out what cannot be sent to; `rejects` lists it."
    )
    checked: bool = Field(default=False, description="Refuse it if the checks find an error.")

    def terms(self) -> Terms:
        """Raises BadQuestion."""
        if self.contact_at is not None and self.at is not None:
            raise BadQuestion(
                "contact_at and at are both given", where=Where(key="at"), remedy="Give one."
            )
        if self.validity is not None:
            seconds_of("validity", self.validity)
        if self.at is not None and self.at.startswith("+"):
            seconds_of("at", self.at[1:])
        values = {name: getattr(self, name) for name in TermsAsked.model_fields}
        return Terms(**{**values, "priority": str(self.priority)})


class SourceAsked(BaseModel):
    """A message as its source."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(min_length=1, description="A whole .eml; {{ field }} is filled in.")


class LetterAsked(BaseModel):
    """A message as its parts; each may hold {{ field }}."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    sender: str = Field(alias="from", min_length=1, max_length=900, examples=["Shop <a@b.test>"])
    subject: str = Field(min_length=1, max_length=900)
    text: str | None = None
    html: str | None = None
    headers: dict[str, str] = Field(default_factory=dict, examples=[{"Reply-To": "a@b.test"}])

    def letter(self) -> Letter:
        return Letter(self.sender, self.subject, self.text, self.html, self.headers)


class Submission(TermsAsked):
    """A delivery: its terms, its message, its recipients."""

    message: SourceAsked | LetterAsked
    recipients: list[dict[str, Any]] = Field(
        min_length=1,
        description="Each with an `address`; all else are fields of the message.",
        examples=[[{"address": "ann@gmail.test", "first_name": "Ann"}]],
    )

    def given(self) -> Given:
        """Raises BadSubmission, BadQuestion."""
        message = self.message
        if isinstance(message, LetterAsked):
            source = source_of(message.letter())
        else:
            source = message.source.encode()
        return Given(self.terms(), source, rows_of(self.recipients))


class InForm(TermsAsked):
    """The fields of a form; message and recipients may come as files instead."""

    sender: str | None = Field(default=None, alias="from", max_length=900)
    subject: str | None = Field(default=None, max_length=900)
    text: str | None = None
    html: str | None = None

    def letter(self) -> Letter:
        return Letter(self.sender or "", self.subject or "", self.text, self.html)


def rows_of(recipients: list[dict[str, Any]]) -> bytes:
    """As JSON lines: row by row what ``lab.submit.recipients`` reads."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in recipients)


def of_json(body: bytes) -> Given:
    """Raises InvalidRequest; and BadSubmission, BadQuestion."""
    try:
        asked = Submission.model_validate_json(body)
    except ValidationError as error:
        raise InvalidRequest(error) from error
    return asked.given()


def of_form(form: Form) -> Given:
    """A form's fields, of which empty ones do not count, and its files.

    Raises InvalidRequest; and BadSubmission, BadQuestion.
    """
    said = {name: value for name, value in form.fields.items() if value.strip()}
    pasted = said.pop("recipients", None)
    whole = said.pop("message", None)
    try:
        asked = InForm.model_validate(said)
    except ValidationError as error:
        raise InvalidRequest(error) from error
    unknown = sorted(form.files.keys() - {"message", "recipients"})
    if unknown:
        raise BadQuestion(
            f"there is no place for a file {unknown[0]!r}",
            where=Where(key=unknown[0]),
            remedy="Files are `message` and `recipients`.",
        )
    message, recipients = form.files.get("message"), form.files.get("recipients")
    if message is None:
        message = File("message", source_of(asked.letter()) if whole is None else whole.encode())
    if recipients is None:
        if pasted is None:
            raise BadQuestion(
                "there are no recipients",
                where=Where(key="recipients"),
                remedy="Give a file with a column `address`, or lines of addresses.",
            )
        recipients = File("recipients", pasted_rows(pasted))
    return Given(asked.terms(), message.content, recipients.content, message.name, recipients.name)


def pasted_rows(text: str) -> bytes:
    """What was pasted: CSV with a header, JSON lines, or plain addresses, one a line."""
    lines = text.replace("\r\n", "\n").split("\n")
    first = next((each for each in lines if each.strip()), "")
    if first.lstrip().startswith("{") or "@" not in first:
        return "\n".join(lines).encode()
    # Empty lines stay, so that what is said of a line is said of that one.
    rows = (json.dumps({"address": each.strip()}) if each.strip() else "" for each in lines)
    return "\n".join(rows).encode()


def of_message(body: bytes, query: Mapping[str, str], to: list[str]) -> Given:
    """A message source as the body, and all else in the query.

    Raises InvalidRequest; and BadQuestion.
    """
    if not to:
        raise BadQuestion(
            "there are no recipients", where=Where(key="to"), remedy="Give `to`, once for each."
        )
    try:
        asked = TermsAsked.model_validate(query)
    except ValidationError as error:
        raise InvalidRequest(error) from error
    return Given(asked.terms(), body, rows_of([{"address": each} for each in to]))
