"""Who may ask: before any handler sees a request.

A page on this machine is reached by every page that a browser shows: a hostile one can send
requests to a loopback address (cross-site request forgery), or give its own name our address (DNS
rebinding). So the Host header must be one of ours, and what changes something must not come from
another origin.
"""

import hmac
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.web.problems import problem

COOKIE: Final = "mtalab"
SIGN_IN: Final = "/sign-in"
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
# To tell that it lives is no secret, and a page to sign in on needs its style.
_OPEN: Final = ("/livez", "/readyz", SIGN_IN)
_OPEN_UNDER: Final = "/static/"
_SAME: Final = (b"same-origin", b"none")  # of Sec-Fetch-Site


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds now; ``token`` empty: none is asked for."""

    hosts: Collection[str]  # names without port, lower case
    token: str
    request_max: int  # bytes


class Guard:
    """ASGI middleware. ``rules`` are asked for each request, since they may change."""

    def __init__(self, app: ASGIApp, rules: Callable[[], Rules]) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        rules = self._rules()
        refused = _refusal(scope, rules)
        if refused is not None:
            await refused(scope, receive, send)
            return
        await self._app(scope, _limited(receive, rules.request_max), _hardened(send, scope))


def _refusal(scope: Scope, rules: Rules) -> Response | None:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1")
    if host_name(host) not in rules.hosts:
        return problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "wrong_host",
            f"this server is not {host!r}",
            remedy="Use its address, or name this host in `hosts` under [web].",
        )
    if scope["method"] not in _SAFE and not _is_ours(headers, host):
        return problem(
            HTTPStatus.FORBIDDEN,
            "cross_site",
            "a page of another site sent this, and it would change something",
            remedy="Send it from a page of this server, or from a program.",
        )
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > rules.request_max:
        return problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too_large",
            f"at most {rules.request_max} bytes are taken",
            remedy="Raise request_max under [web], or use `mtalab submit`.",
        )
    if rules.token and not _is_open(scope["path"]) and not _knows(headers, rules.token):
        return _ask_for_token(scope, headers)
    return None


def host_name(host: str) -> str:
    """``[::1]:8025`` → ``[::1]``, ``Example.test:80`` → ``example.test``."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def _is_ours(headers: dict[bytes, bytes], host: str) -> bool:
    """Whether what would change something comes from our own pages, or from no browser."""
    site = headers.get(b"sec-fetch-site")
    if site is not None and site not in _SAME:
        return False
    origin = headers.get(b"origin")
    return origin is None or urlsplit(origin.decode("latin-1")).netloc.lower() == host.lower()


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_UNDER)


def _knows(headers: dict[bytes, bytes], token: str) -> bool:
    # The time tells how many were given, and nothing of what they are.
    return sum(hmac.compare_digest(each.encode(), token.encode()) for each in _tokens(headers)) > 0


def _tokens(headers: dict[bytes, bytes]) -> Iterable[str]:
    scheme, _, value = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        yield value.strip()
    if scheme.lower() == "basic":  # as clients of Mailpit do; any user
        try:
            yield b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[2]
        except (BadBase64, ValueError):
            return
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return
    if COOKIE in cookies:
        yield cookies[COOKIE].value


def _ask_for_token(scope: Scope, headers: dict[bytes, bytes]) -> Response:
    if scope["method"] == "GET" and b"text/html" in headers.get(b"accept", b""):
        path = quote(scope["path"], safe="/")
        return RedirectResponse(f"{SIGN_IN}?to={path}", HTTPStatus.SEE_OTHER)
    return problem(
        HTTPStatus.UNAUTHORIZED,
        "token_needed",
        "this server wants a token",
        remedy="Send `Authorization: Bearer TOKEN`; it is in the token_file of [web].",
        headers={"WWW-Authenticate": 'Bearer realm="mtalab", Basic realm="mtalab"'},
    )


def _limited(receive: Receive, limit: int) -> Receive:
    """Bodies that do not tell their length end where ours does."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            return {"type": "http.disconnect"}
        return message

    return limited


_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
# Everything is ours and nothing is inline; a frame shows mail under a policy of its own.
_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'self'"
)


def _hardened(send: Send, scope: Scope) -> Send:
    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message["headers"])
            names = {name.lower() for name, _ in headers}
            headers += _HEADERS
            if b"content-security-policy" not in names:
                headers.append((b"content-security-policy", _POLICY))
            if b"cache-control" not in names and not _is_open(scope["path"]):
                headers.append((b"cache-control", b"no-store"))
            message["headers"] = headers
        await send(message)

    return hardened
