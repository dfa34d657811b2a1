"""An act carried out: what is asked for of which server, and what is written of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tracking.readers.arrivals import Mailboxes, Original, Originals
from tracking.readers.asking import Asking, leads
from tracking.readers.browser import (
    Asked,
    Browser,
    NotReached,
    may_go,
)
from tracking.readers.errors import MessageNotRead
from tracking.readers.form import form_of
from tracking.readers.job import Job
from tracking.readers.ledger import Result
from tracking.readers.page import Page, page_of
from tracking.readers.plan import What, Who, chosen
from tracking.readers.seeing import Role, role_of, weight_of
from tracking.readers.settings import ReadersSettings
from world.log import Log

ONE_CLICK: Final = "List-Unsubscribe=One-Click"  # RFC 8058
_AT_ONCE: Final = (What.CLICK, What.MIRROR, What.OPT_OUT)  # not by pieces
_TOLD_MAX: Final = 10  # messages that could not be read, in one process
_PAGES_KEPT: Final = 128  # messages that were read a moment ago
_GOLDEN: Final = 0.618033988749895  # its multiples are spread evenly between 0 and 1


@dataclass
class Acting:
    """What all hands have in common."""

    settings: ReadersSettings
    asking: Asking
    mailboxes: Mailboxes
    originals: Originals
    log: Log
    _pages: dict[str, Page] = field(default_factory=dict)
    _unread: int = 0

    def __post_init__(self) -> None:
        self._ways: Mapping[What, Callable[[Job, Browser, Page], Awaitable[None]]] = {
            What.OPEN: self._open,
            What.CLICK: self._click,
            What.MIRROR: self._mirror,
            What.OPT_OUT: self._opt_out,
            What.PREFETCH: self._prefetch,
            What.SCAN: self._scan,
        }

    async def act(self, job: Job, browser: Browser) -> float | None:
        """Do it.

        Returns when to try again (epoch seconds), if no server was reached; None: it is over.

        Raises:
            LedgerUnwritable: it is not known to the ledger, and so not done.
        """
        try:
            page = self._page(job)
        except MessageNotRead as error:
            self._tell_unread(job, error)
            self.asking.note(job, Result.NOTHING)
            return None
        if job.tries == 0 and job.act.what in _AT_ONCE and self.asking.ledger.is_begun(job.key):
            self.asking.ledger.forget(job.key)  # begun by a process that was killed: it is in doubt
            return None
        try:
            await self._ways[job.act.what](job, browser, page)
        except NotReached:
            if job.tries < self.settings.retries:
                return self.asking.clock.now() + self.settings.retry_delay * 2.0**job.tries
            self.asking.note(job, Result.FAILED)
        return None

    # --- what people do --------------------------------------------------------------------------

    async def _open(self, job: Job, browser: Browser, page: Page) -> None:
        reader = job.persona.reader
        is_own = job.act.who is Who.RECIPIENT
        shows = reader.images and not reader.text_only and page.has_html
        if not shows or (is_own and reader.proxy == "unseen"):
            self.asking.note(job, Result.UNSEEN)
            return
        by_proxy = is_own and reader.proxy == "seen"
        agent = reader.proxy_agent if by_proxy else reader.agent
        urls = (Asked(each, agent=agent) for each in page.images)
        await self.asking.all_of(job, browser, urls, Result.UNSEEN, keeps_cookies=not by_proxy)

    async def _click(self, job: Job, browser: Browser, page: Page) -> None:
        originals = await self._originals(job)
        reader = job.persona.reader
        links = [
            each
            for each in page.links(text_only=reader.text_only)
            if role_of(each, originals) is Role.CLICK
        ]
        weights = [weight_of(each, reader.click_weights, originals) for each in links]
        place = chosen(weights, job.act.draw)
        if place is None:
            self.asking.note(job, Result.NOTHING)
        else:
            await self._follow(job, browser, links[place].url)

    async def _mirror(self, job: Job, browser: Browser, page: Page) -> None:
        url = await self._link_for(Role.MIRROR, job, page)
        if url is None:
            self.asking.note(job, Result.NOTHING)
        else:
            await self._follow(job, browser, url)

    async def _opt_out(self, job: Job, browser: Browser, page: Page) -> None:
        reader = job.persona.reader
        if reader.unsubscribes_by == "one_click":
            if page.one_click is None or not may_go(page.one_click, self.asking.admit):
                self.asking.note(job, Result.NOTHING)
                return
            asked = self.asking.asked_by(job, page.one_click, form=ONE_CLICK)
            await self.asking.ask(job, browser, asked, self.asking.ledger.requests(job.key))
            return
        url = await self._link_for(Role.OPT_OUT, job, page)
        if url is None:
            self.asking.note(job, Result.NOTHING)
        elif not may_go(url, self.asking.admit):
            self.asking.note(job, Result.ELSEWHERE, url)
        else:
            await self._by_page(job, browser, url)

    async def _by_page(self, job: Job, browser: Browser, url: str) -> None:
        """Follow the link to a page, and press its button."""
        number = self.asking.ledger.requests(job.key)
        asked = self.asking.asked_by(job, url)
        reached = await self.asking.get(job, browser, asked, number, leads)
        if reached is not None:
            form = form_of(reached.answer.body, reached.asked.url)
            if form is not None and may_go(form.url, self.asking.admit):
                asked = self.asking.asked_by(job, form.url, form=form.body)
                await self.asking.ask(job, browser, asked, reached.requests)
                return
        self.asking.ledger.forget(job.key)  # it led elsewhere, or there is no button

    # --- what machines do ------------------------------------------------------------------------

    async def _prefetch(self, job: Job, browser: Browser, page: Page) -> None:
        agent = job.persona.reader.proxy_agent
        urls = (Asked(each, agent=agent) for each in page.images)
        await self.asking.all_of(job, browser, urls, Result.NOTHING, keeps_cookies=False)

    async def _scan(self, job: Job, browser: Browser, page: Page) -> None:
        reader, draw = job.persona.reader, job.act.draw
        urls = (
            Asked(url, _method(draw, place, reader.scanner_heads), reader.scanner_agent)
            for place, url in enumerate(page.every_url(), start=1)
        )
        await self.asking.all_of(job, browser, urls, Result.NOTHING, keeps_cookies=False)

    async def _follow(self, job: Job, browser: Browser, url: str) -> None:
        if may_go(url, self.asking.admit):
            number = self.asking.ledger.requests(job.key)
            await self.asking.get(job, browser, self.asking.asked_by(job, url), number)
        else:
            self.asking.note(job, Result.ELSEWHERE, url)

    def _tell_unread(self, job: Job, error: MessageNotRead) -> None:
        """A few of them: what holds for one sink's mail holds for all of it."""
        self._unread += 1
        if self._unread <= _TOLD_MAX:
            more = " (and no more of them are told)" if self._unread == _TOLD_MAX else ""
            note = f"{job.arrival.receipt} is not read: {error.what}{more}"
            self.log.warning("message_not_read", note=note)

    # --- what they know --------------------------------------------------------------------------

    async def _link_for(self, role: Role, job: Job, page: Page) -> str | None:
        originals = await self._originals(job)
        links = page.links(text_only=job.persona.reader.text_only)
        these = [each.url for each in links if role_of(each, originals) is role]
        place = chosen([1.0] * len(these), job.act.draw)
        return None if place is None else these[place]

    async def _originals(self, job: Job) -> Mapping[int, Original]:
        number = job.arrival.delivery_id
        return {} if number is None else await self.originals.of(number)

    def _page(self, job: Job) -> Page:
        arrival = job.arrival
        page = self._pages.pop(arrival.receipt, None)
        if page is None:
            if not arrival.is_kept:
                raise MessageNotRead("its sink keeps no inbox")
            if arrival.size > self.settings.largest_message:
                raise MessageNotRead(f"it is larger than {self.settings.largest_message} bytes")
            page = page_of(self.mailboxes.content(arrival))
        self._pages[arrival.receipt] = page
        if len(self._pages) > _PAGES_KEPT:
            del self._pages[next(iter(self._pages))]
        return page


def _method(draw: float, place: int, heads: float) -> str:
    return "HEAD" if (draw + place * _GOLDEN) % 1.0 < heads else "GET"
