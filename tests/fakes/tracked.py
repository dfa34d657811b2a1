"""A delivery with tracked links, made by hand, and requests to the server about it."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlencode

import h11

from mail.seal import keyring
from mail.tracked import PIXEL, Kind, UrlMode
from store import keys, tracked_urls
from store.tracked_urls import TrackedDelivery, TrackedUrl
from tracking.token import HTML, Token, sealed

PLACE = "127.0.0.1:8026"
KEY = bytes(range(32))
RING = keyring([KEY])
PERSONAL, OPT_OUT, MIRROR, OTHER = 3, 4, 5, 6  # numbers of URLs; 2 is the plain one
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
URLS = (
    TrackedUrl(PIXEL, "", "open", "", UrlMode.ENABLED, Kind.OPEN),
    TrackedUrl(2, "https://shop.example/", "shop", "", UrlMode.ENABLED, Kind.CLICK),
    TrackedUrl(
        PERSONAL, "https://shop.example/{{ a }}?b={{ b }}", "own", "", UrlMode.ENABLED, Kind.CLICK
    ),
    TrackedUrl(OPT_OUT, "https://shop.example/bye", "bye", "", UrlMode.OPT_OUT, Kind.OPT_OUT),
    TrackedUrl(MIRROR, "{{ mirror_url }}", "mirror", "", UrlMode.MIRROR, Kind.MIRROR),
    TrackedUrl(OTHER, "http://other.example/x", "other", "", UrlMode.ENABLED, Kind.CLICK),
)


def tracked(**other) -> TrackedDelivery:
    given = {"valid_until": None, "expired_url": None, "urls": URLS, **other}
    return TrackedDelivery(base=f"http://{PLACE}", has_pixel=True, is_text=False, **given)


def track(store, delivery_id, **other) -> None:
    """The delivery is tracked from now on, and there is a key."""
    store.write_now(keys.first, lambda: KEY, 0.0)
    store.write_now(tracked_urls.put, delivery_id, tracked(**other))


def token(url, message_id=1, delivery_id=1, values=(), ring=RING) -> str:
    return sealed(ring, Token(HTML, delivery_id, url, message_id), values)


def link(url, message_id=1, delivery_id=1, values=(), door="r") -> str:
    """The path of a link."""
    query = urlencode({str(at): each for at, each in enumerate(values, 1)})
    path = f"/{door}/{token(url, message_id, delivery_id, values)}"
    return f"{path}?{query}" if query else path


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name):
        return next((value for key, value in self.headers if key == name), None)

    @property
    def location(self):
        return self.header("location")

    @property
    def person(self):
        found = [each for key, each in self.headers if key == "set-cookie"]
        mine = next(each for each in found if each.startswith("mtalab="))
        return mine.partition(";")[0].removeprefix("mtalab=")

    @property
    def cookies(self):
        found = [value.partition(";")[0] for key, value in self.headers if key == "set-cookie"]
        return "; ".join(found)


async def ask(path, *, method="GET", agent=BROWSER, cookie="", body=b"", host=PLACE, **headers):
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(PLACE.rpartition(":")[2]))
    given = [("Host", host), ("User-Agent", agent), ("Connection", "close")]
    given += [("Cookie", cookie)] if cookie else []
    given += [("Content-Length", str(len(body)))] if method == "POST" else []
    given += [(name.replace("_", "-"), value) for name, value in headers.items()]
    client = h11.Connection(h11.CLIENT)
    out = client.send(h11.Request(method=method, target=path, headers=given))
    out += client.send(h11.Data(data=body)) if body else b""
    writer.write(out + client.send(h11.EndOfMessage()))
    status, found, content = 0, [], b""
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Response):
            status = event.status_code
            found = [(name.decode(), value.decode()) for name, value in event.headers]
        elif isinstance(event, h11.Data):
            content += event.data
        else:
            break
    writer.close()
    return Answer(status, found, content)
