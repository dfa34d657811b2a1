"""What the server answers: nothing in it comes from the request, and nothing is kept by caches."""

import base64
from html import escape
from typing import Final

from starlette.responses import HTMLResponse, Response
from starlette.types import Send

_NO_STORE: Final = (b"cache-control", b"no-store, max-age=0")
_NO_REFERRER: Final = (b"referrer-policy", b"no-referrer")  # tokens are nobody's business
_NOTHING: Final = (b"content-length", b"0")
_PLAIN: Final = (
    _NO_STORE,
    _NO_REFERRER,
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex, nofollow"),
)
_OF_PAGES: Final = {
    "cache-control": "no-store, max-age=0",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
    "x-frame-options": "DENY",
}
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# What a sender wrote is shown to a person: it may look as it likes, but runs nothing, sends no form
# and is nobody's origin.
_MIRROR_POLICY: Final = (
    "default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline' http: https:; "
    "font-src http: https: data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
# One transparent pixel.
GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_GIF_START: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"image/gif"), (b"content-length", b"%d" % len(GIF)), *_PLAIN],
}
_GIF_BODY: Final = {"type": "http.response.body", "body": GIF}
_EMPTY: Final = {"type": "http.response.body", "body": b""}
_STYLE: Final = "body{font:16px/1.5 sans-serif;max-width:36em;margin:4em auto;padding:0 1em}"


async def redirect(send: Send, place: bytes, cookies: tuple[tuple[bytes, bytes], ...]) -> None:
    """302; ``place`` is a URL that the delivery has, in ASCII."""
    headers = [(b"location", place), _NOTHING, *cookies, _NO_STORE, _NO_REFERRER]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send(_EMPTY)


async def pixel(send: Send, *, has_body: bool) -> None:
    await send(_GIF_START)
    await send(_GIF_BODY if has_body else _EMPTY)


def page(status: int, title: str, text: str, form: str = "") -> Response:
    """A plain page of our own words."""
    content = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1><p>{escape(text)}</p>{form}</html>\n"
    )
    headers = {**_OF_PAGES, "content-security-policy": _PAGE_POLICY}
    return HTMLResponse(content, status, headers)


def mirror(html: str) -> Response:
    """A message as it was sent."""
    content = html.encode("utf-8", "replace")
    headers = {**_OF_PAGES, "content-security-policy": _MIRROR_POLICY}
    return HTMLResponse(content, 200, headers)


def gif() -> Response:
    return Response(GIF, 200, _OF_PAGES, "image/gif")


# By why a request is refused: status and words.
_WORDS: Final = {
    "not_ours": (404, "This link leads nowhere", "Please check that it is complete."),
    "gone": (404, "This link leads nowhere", "The message that it stood in is no longer known."),
    "no_such_page": (404, "There is no such page", "Please check that the link is complete."),
    "expired": (410, "This link has expired", "It was valid for some time only."),
    "away": (503, "Not now", "Please try again in a minute."),
    "wrong_host": (421, "Wrong place", "This server does not serve that name."),
    "method": (405, "This cannot be done here", "Please follow the link in a browser."),
    "bad_value": (400, "This request is not understood", "A value in it is none that fits."),
    "too_large": (413, "This request is too large", "Please follow the link in a browser."),
}
REFUSALS: Final = frozenset(_WORDS)


def refusal(why: str) -> Response:
    """The page for a request that is refused; ``why`` is one of ``REFUSALS``."""
    status, title, text = _WORDS[why]
    found = page(status, title, text)
    if why == "away":
        found.headers["retry-after"] = "60"
    return found


_FORM: Final = (
    '<form method="post"><input type="hidden" name="unsubscribe" value="yes">'
    "<button>Unsubscribe</button></form>"
)


def ask_to_unsubscribe() -> Response:
    return page(200, "Unsubscribe", "No more mail will be sent to this address.", _FORM)


def unsubscribed() -> Response:
    return page(200, "Unsubscribed", "No more mail will be sent to this address.")
