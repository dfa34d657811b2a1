"""The ways to look at one mail: as HTML, as text, its headers, its source, its files, its links."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from lab.inbox.mime import Mail
from lab.web.mail_view import is_web, leads_of

_SHOWN_MAX: Final = 200_000  # characters of a text in a page; the whole is a link away


class _View(NamedTuple):
    """One way to look at a mail; ``of`` gives what its template is told besides."""

    key: str
    label: str
    of: Callable[[Mail], dict[str, Any]]


def _cut(text: str) -> dict[str, Any]:
    return {"text": text[:_SHOWN_MAX], "is_cut": len(text) > _SHOWN_MAX}


_VIEWS: Final = (
    _View("html", "HTML", lambda _: {}),
    _View("text", "Text", lambda mail: _cut(mail.text)),
    _View("headers", "Headers", lambda mail: {"headers": mail.headers}),
    _View("source", "Source", lambda mail: _cut(mail.raw.decode("utf-8", "replace"))),
    _View("files", "Files", lambda mail: {"files": mail.attachments + mail.inlines}),
    _View("links", "Links", lambda mail: {"leads": leads_of(mail), "is_web": is_web}),
)


def looked_at(mail: Mail, show: str) -> dict[str, Any]:
    """What ``mail_looks.html`` is told; ``show`` names the way, any other word the first."""
    views = [each for each in _VIEWS if each.key != "html" or mail.html]
    view = next((each for each in views if each.key == show), views[0])
    return {
        "views": views,
        "show": view.key,
        "files_count": len(mail.attachments) + len(mail.inlines),
        **view.of(mail),
    }
