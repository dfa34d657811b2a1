"""How fast the inbox is with many received mails.

``python -m tests.measure.inbox_of_many 100000`` writes them as a sink does, then times the first
look, looks after that, and searches; in seconds.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from lab.inbox.mailbox import Inbox
from lab.inbox.query import terms_of
from sinks.inbox import InboxFile
from sinks.receipts import Peer, ReceiptLog

MAIL = """From: Shop <offers@shop.example>\r
To: Person {n} <person{n}@home.test>\r
Subject: =?utf-8?q?Three_offers_for_you=2C_number_{n}?=\r
Message-ID: <7.{n}@shop.example>\r
Date: Thu, 26 Nov 2026 20:00:00 +0000\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="parts"\r
\r
--parts\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
Dear person {n},\r
{text}\r
--parts\r
Content-Type: text/html; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
<!doctype html><html><head><title>Offers</title></head><body>\r
<h1>Dear person {n}</h1>{html}</body></html>\r
--parts--\r
"""
TEXT = "Shoes and coats, hats and gloves: https://shop.example/offer/shoes\r\n" * 10
HTML = (
    '<p><a href=3D"https://shop.example/offer/shoes">Shoes</a> and coats, hats, gloves</p>\r\n' * 20
)


def write(folder: Path, count: int) -> None:
    receipts, contents = ReceiptLog(folder, "inbox"), InboxFile(folder, "inbox")
    for number in range(count):
        mail = MAIL.format(n=number, text=TEXT, html=HTML).encode()
        receipts.accepted(
            Peer("127.0.0.1", "mta.example"),
            f"bounce+7-{number}@shop.example",
            [f"person{number}@home.test"],
            mail,
            time=1_790_000_000 + number / 100,
            inbox=contents.keep(mail),
        )
    receipts.close()
    contents.close()


def timed(what: str, call: Callable[[], object]) -> None:
    start = time.perf_counter()
    call()
    print(f"{time.perf_counter() - start:9.3f}  {what}", flush=True)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, count)
        inbox = Inbox(folder)
        timed(f"the first look at {count} mails", lambda: inbox.newest(0, 50))
        timed("the next look", lambda: inbox.newest(0, 50))
        timed("the last page", lambda: inbox.newest(count - 50, 50))
        other = Inbox(folder)
        timed("the first look of another process", lambda: other.newest(0, 50))
        for query in (
            f"person{count // 2}@home.test",
            "shoes",
            "nothing-of-the-kind",
            f"to:person{count // 2}@",
            "from:shop",
            "subject:offers -is:read",
            "has:attachment",
            "is:unread after:2026-01-01",
        ):
            timed(query, lambda query=query: inbox.search(terms_of(query), 0, 50))
        timed("one mail opened", lambda: inbox.open("latest"))
        timed("all marked read", lambda: inbox.set_read(inbox.ids(), is_read=True))
        timed("a look after that", inbox.counts)
        timed("all deleted", lambda: inbox.delete(inbox.ids()))
        timed("a look after that", lambda: inbox.newest(0, 50))
        print(f"{psutil.Process().memory_info().rss / 2**20:9.0f}  MiB of memory")


if __name__ == "__main__":
    main()
