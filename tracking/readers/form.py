"""The form of an unsubscription page, as a browser would send it."""

from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlencode, urljoin


class Filled(NamedTuple):
    """Where it goes, and what with."""

    url: str
    body: str  # application/x-www-form-urlencoded


def form_of(page: bytes, url: str) -> Filled | None:
    """The first form of the page that is sent by POST, with what it has in it; None: no such."""
    found = _Forms()
    found.feed(page.decode("utf-8", "replace"))
    found.close()
    if found.action is None:
        return None
    return Filled(urljoin(url, found.action), urlencode(found.fields))


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.action: str | None = None
        self.fields: list[tuple[str, str]] = []
        self._is_in = False
        self._has_button = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self._is_in = given.get("method", "").lower() == "post"
            self.action = given.get("action", "") if self._is_in else None
        elif self._is_in and tag in ("input", "button") and given.get("name"):
            kind = given.get("type", "submit" if tag == "button" else "text").lower()
            if kind in ("checkbox", "radio") and "checked" not in given:
                return
            if kind == "submit":  # one button is pressed
                if self._has_button:
                    return
                self._has_button = True
            self.fields.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_in = False
