"""``POST /api/v1/deliveries``: a message and its recipients become a delivery."""

import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse

from lab.acting.approval import FailedChecks
from lab.acting.submitting import Answered, Given, submit_once
from lab.submit import errors
from lab.web.api.submitting_described import REQUEST, RESPONSES
from lab.web.asked import BadQuestion
from lab.web.changing import Changeable
from lab.web.forms import form_of
from lab.web.lab_here import LabHere
from lab.web.problems import WebRefusal
from lab.web.submission import of_form, of_json, of_message
from mail.errors import UserError, Where

router = APIRouter(tags=["deliveries"])
_OPTION: Final = re.compile(r"--([a-z]+(?:-[a-z]+)*)")

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="The same submission with the same key is done once, and answered again.",
    ),
]
Reading = Callable[[], Given]  # what was sent is taken apart in the handler's own thread


class NotTaken(WebRefusal):
    """A kind of content that is no submission."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Refused(WebRefusal):
    """A submission of which several things are wrong; ``errors`` are all of them."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, what: str, told: list[dict[str, Any]], where: str, remedy: str) -> None:
        self.errors = told
        super().__init__(what, where=Where(where), remedy=remedy)


class BadRecipients(Refused):
    """Some recipients cannot be sent to."""


class BadMessage(Refused):
    """The checks find errors in the message, and were to find none."""


async def _received(request: Request) -> Reading:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    query = request.query_params
    if kind != "message/rfc822" and query:
        raise BadQuestion(
            "options in the query belong to a message as the body",
            where=Where(key=next(iter(query))),
            remedy="Put them into the body, or send message/rfc822.",
        )
    if kind == "application/json":
        body = await request.body()
        return lambda: of_json(body)
    if kind == "message/rfc822":
        body = await request.body()
        options = {name: value for name, value in query.items() if name != "to"}
        return lambda: of_message(body, options, query.getlist("to"))
    if kind == "multipart/form-data":
        form = await form_of(request)
        return lambda: of_form(form)
    raise NotTaken(
        f"{kind or 'no content type'} is no submission",
        where=Where(key="Content-Type"),
        remedy="Send application/json, multipart/form-data or message/rfc822.",
    )


@router.post(
    "/deliveries",
    status_code=HTTPStatus.CREATED,
    response_model=None,
    responses=RESPONSES,
    openapi_extra=REQUEST,
)
def submit(
    lab: Changeable, read: Annotated[Reading, Depends(_received)], key: Key = None
) -> Response:
    """Queue a delivery, as `mtalab submit`; it leaves when the lab runs and its time has come."""
    done = submitted(lab, read(), key)
    headers = {"Location": f"/api/v1/deliveries/{done.answer['delivery']}"}
    if done.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(done.answer, HTTPStatus.CREATED, headers)


def submitted(lab: LabHere, given: Given, key: str | None = None) -> Answered:
    """Submit, and say what is wrong in words of a request.

    Raises UserError.
    """
    try:
        return submit_once(lab.store, lab.loaded, lab.clock, given, lab.once, key)
    except errors.BadRecipients as error:
        shown = [{"where": f"{error.file}:{each.line}", "what": each.why} for each in error.rows]
        raise BadRecipients(
            f"{error.count} recipients cannot be sent to, so nothing was submitted; the first: "
            f"{error.rows[0].why}",
            shown,
            shown[0]["where"],
            "Mend them, or leave them out with skip_bad_rows.",
        ) from error
    except FailedChecks as error:
        raise BadMessage(
            f"the checks find {len(error.findings)} errors, so nothing was submitted",
            [each.as_json() for each in error.findings],
            "message",
            "docs/checks.md describes each; without `checked` it is submitted all the same.",
        ) from error
    except UserError as error:
        raise in_words_of_requests(error) from None


def in_words_of_requests(error: UserError) -> UserError:
    """An error that speaks of options of a command: ``--skip-bad-rows`` is ``skip_bad_rows``."""
    error.remedy = _field(error.remedy)
    if error.where is not None and error.where.key is not None:
        error.where = replace(error.where, key=_field(error.where.key))
    return error


def _field(text: str) -> str:
    named = text.replace("--no-tracking", '"track": false')
    return _OPTION.sub(lambda found: found[1].replace("-", "_"), named)
