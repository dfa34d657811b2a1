"""An act carried out: what is asked for of which server, and what is written of it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tracking.readers.arrivals import Mailboxes, Original, Originals
from tracking.readers.browser import (
    Answer,
    Asked,
    Browser,
    NotReached,
    Unanswered,
    may_go,
    together,
)
from tracking.readers.errors import MessageNotRead
from tracking.readers.form import form_of
from tracking.readers.job import Job
from tracking.readers.ledger import Ledger, Result
from tracking.readers.page import Page, page_of
from tracking.readers.plan import What, Who, chosen
from tracking.readers.seeing import Role, role_of, weight_of
from tracking.readers.settings import ReadersSettings
from world.clock import Clock
from world.log import Log

ONE_CLICK: Final = "List-Unsubscribe=One-Click"  # RFC 8058
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_HOPS_MAX: Final = 3
_PAGES_KEPT: Final = 128  # messages that were read a moment ago
_GOLDEN: Final = 0.618033988749895  # its multiples are spread evenly between 0 and 1


@dataclass
class Acting:
    """What all hands have in common."""

    settings: ReadersSettings
    ledger: Ledger
    clock: Clock
    mailboxes: Mailboxes
    originals: Originals
    admit: Callable[[str], str]
    log: Log
    _pages: dict[str, Page] = field(default_factory=dict)
    _jars: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for person, given in self.ledger.cookies.items():
            self._jars[person] = together({}, tuple(given))
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
            self.log.warning("message_not_read", note=f"{job.arrival.receipt}: {error.what}")
            self._note(job, Result.NOTHING)
            return None
        try:
            await self._ways[job.act.what](job, browser, page)
        except NotReached:
            if job.tries < self.settings.retries:
                return self.clock.now() + self.settings.retry_delay * 2.0**job.tries
            self._note(job, Result.FAILED)
        return None

    # --- what people do --------------------------------------------------------------------------

    async def _open(self, job: Job, browser: Browser, page: Page) -> None:
        reader = job.persona.reader
        is_own = job.act.who is Who.RECIPIENT
        shows = reader.images and not reader.text_only and page.has_html
        if not shows or (is_own and reader.proxy == "unseen"):
            self._note(job, Result.UNSEEN)
            return
        by_proxy = is_own and reader.proxy == "seen"
        agent = reader.proxy_agent if by_proxy else reader.agent
        urls = (Asked(each, agent=agent) for each in page.images)
        await self._each(job, browser, urls, Result.UNSEEN, keeps_cookies=not by_proxy)

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
            self._note(job, Result.NOTHING)
        else:
            await self._follow(job, browser, links[place].url)

    async def _mirror(self, job: Job, browser: Browser, page: Page) -> None:
        url = await self._link_for(Role.MIRROR, job, page)
        if url is None:
            self._note(job, Result.NOTHING)
        else:
            await self._follow(job, browser, url)

    async def _opt_out(self, job: Job, browser: Browser, page: Page) -> None:
        if self.ledger.is_begun(job.key):  # by a process that was killed: a person gives up
            return
        reader = job.persona.reader
        if reader.unsubscribes_by == "one_click":
            if page.one_click is None or not may_go(page.one_click, self.admit):
                self._note(job, Result.NOTHING)
                return
            await self._ask(job, browser, self._asked(job, page.one_click, form=ONE_CLICK), 0)
            return
        url = await self._link_for(Role.OPT_OUT, job, page)
        if url is None:
            self._note(job, Result.NOTHING)
        elif not may_go(url, self.admit):
            self._note(job, Result.ELSEWHERE, url)
        else:
            await self._by_page(job, browser, url)

    async def _by_page(self, job: Job, browser: Browser, url: str) -> None:
        """Follow the link to a page, within the one server, and press its button."""
        first = self._asked(job, url)
        asked = first
        for hop in range(_HOPS_MAX + 1):
            answer = await self._ask(job, browser, asked, hop, is_last=False)
            if answer is None:
                break
            if answer.status in _REDIRECTS and answer.location:
                asked = self._asked(job, answer.location)
                if may_go(asked.url, self.admit) and asked.place == first.place:
                    continue
                break
            form = form_of(answer.body, asked.url)
            if form is not None and may_go(form.url, self.admit):
                await self._ask(job, browser, self._asked(job, form.url, form=form.body), hop + 1)
                return
            break
        self.ledger.forget(job.key)

    # --- what machines do ------------------------------------------------------------------------

    async def _prefetch(self, job: Job, browser: Browser, page: Page) -> None:
        agent = job.persona.reader.proxy_agent
        urls = (Asked(each, agent=agent) for each in page.images)
        await self._each(job, browser, urls, Result.NOTHING, keeps_cookies=False)

    async def _scan(self, job: Job, browser: Browser, page: Page) -> None:
        reader, draw = job.persona.reader, job.act.draw
        urls = (
            Asked(url, _method(draw, place, reader.scanner_heads), reader.scanner_agent)
            for place, url in enumerate(page.every_url(), start=1)
        )
        await self._each(job, browser, urls, Result.NOTHING, keeps_cookies=False)

    # --- requests --------------------------------------------------------------------------------

    async def _follow(self, job: Job, browser: Browser, url: str) -> None:
        if may_go(url, self.admit):
            await self._ask(job, browser, self._asked(job, url), 0)
        else:
            self._note(job, Result.ELSEWHERE, url)

    async def _each(
        self,
        job: Job,
        browser: Browser,
        asked: Iterable[Asked],
        otherwise: Result,
        *,
        keeps_cookies: bool,
    ) -> None:
        """Ask for all of these that readers may ask for; ``otherwise``: there are none."""
        these = [each for each in asked if may_go(each.url, self.admit)]
        if keeps_cookies:
            these = [replace(each, cookies=self._cookies(job)) for each in these]
        if not these:
            self._note(job, otherwise)
        for number, each in enumerate(these):
            if not self.ledger.is_done(job.key, f"{job.key} {number}"):
                await self._ask(job, browser, each, number, is_last=number == len(these) - 1)

    async def _ask(
        self, job: Job, browser: Browser, asked: Asked, number: int, *, is_last: bool = True
    ) -> Answer | None:
        """One request; None: no answer was read. Raises NotReached: nothing is written then."""
        entry = job.entry(self.clock.now(), number, asked, is_last=is_last)
        self.ledger.begin(entry)
        try:
            answer = await browser.ask(asked)
        except NotReached:
            self.ledger.end(entry)
            raise
        except Unanswered:
            self.ledger.write(replace(entry, result=Result.DOUBT))
            return None
        cookie = "; ".join(answer.cookies) if not job.act.what.is_machine else ""
        self._keep_cookies(job, answer)
        self.ledger.write(
            replace(
                entry,
                answered_at=self.clock.now(),
                status=answer.status,
                location=answer.location,
                cookie=cookie,
            )
        )
        return answer

    def _asked(self, job: Job, url: str, form: str | None = None) -> Asked:
        method = "GET" if form is None else "POST"
        return Asked(url, method, job.persona.reader.agent, self._cookies(job), form)

    def _note(self, job: Job, result: Result, url: str = "") -> None:
        number = self.ledger.requests(job.key)
        entry = job.entry(self.clock.now(), number, Asked(url) if url else None)
        self.ledger.write(replace(entry, result=result))

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

    # --- cookies: a browser is a person's, whatever the message ----------------------------------

    def _cookies(self, job: Job) -> tuple[str, ...]:
        return tuple(self._jars.get((job.arrival.recipient, job.act.who), {}).values())

    def _keep_cookies(self, job: Job, answer: Answer) -> None:
        if answer.cookies and job.persona.reader.cookies and not job.act.what.is_machine:
            person = (job.arrival.recipient, str(job.act.who))
            self._jars[person] = together(self._jars.get(person, {}), answer.cookies)


def _method(draw: float, place: int, heads: float) -> str:
    return "HEAD" if (draw + place * _GOLDEN) % 1.0 < heads else "GET"
