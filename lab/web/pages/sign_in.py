"""The page on which a browser shows the token, where one is asked for."""

import hmac
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lab.web.guard import COOKIE, SIGN_IN
from lab.web.lab_here import Here
from lab.web.rendering import page
from lab.web_token import token_of

router = APIRouter()


def _place(to: str) -> str:
    """A path of this server, whatever was asked for."""
    is_ours = to.startswith("/") and not to.startswith(("//", "/\\"))
    return to if is_ours else "/"


@router.get(SIGN_IN)
def form(request: Request, lab: Here, to: Annotated[str, Query()] = "/") -> HTMLResponse:
    values = {"here": "", "title": "Sign in", "to": _place(to), "is_wrong": False}
    return page(request, lab, "sign_in.html", values)


@router.post(SIGN_IN)
def sign_in(
    request: Request, lab: Here, token: Annotated[str, Form()], to: Annotated[str, Form()] = "/"
) -> Response:
    wanted = token_of(lab.loaded)
    if wanted and not hmac.compare_digest(token.strip().encode(), wanted.encode()):
        values = {"here": "", "title": "Sign in", "to": _place(to), "is_wrong": True}
        return page(request, lab, "sign_in.html", values, HTTPStatus.FORBIDDEN)
    answer = RedirectResponse(_place(to), HTTPStatus.SEE_OTHER)
    if wanted:
        answer.set_cookie(COOKIE, wanted, httponly=True, samesite="strict")
    return answer
