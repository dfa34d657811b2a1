"""Requests of readers: each begun in the ledger, sent, and written down with its answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from tracking.readers.browser import (
    Answer,
    Asked,
    Browser,
    NotReached,
    Place,
    Unanswered,
    may_go,
    place_of,
    together,
)
from tracking.readers.job import Job
from tracking.readers.ledger import Ledger, Result
from world.clock import Clock

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_HOPS_MAX: Final = 3
Ends = Callable[[Answer | None], bool]


class Reached(NamedTuple):
    """Where a link led in the end."""

    answer: Answer
    asked: Asked
    requests: int  # the number of the next one


def leads(answer: Answer | None) -> bool:
    """Whether it is a redirect."""
    return answer is not None and answer.status in _REDIRECTS and bool(answer.location)


def always(_: Answer | None) -> bool:
    return True


def never(_: Answer | None) -> bool:
    return False


@dataclass
class Asking:
    """What all requests need."""

    ledger: Ledger
    clock: Clock
    admit: Callable[[str], str]
    _jars: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for person, given in self.ledger.cookies.items():
            self._jars[person] = together({}, tuple(given))

    async def all_of(
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
            these = [replace(each, cookies=self.cookies(job)) for each in these]
        if not these:
            self.note(job, otherwise)
        for place, each in enumerate(these):
            number = place * (_HOPS_MAX + 1)
            if not self.ledger.is_done(job.key, f"{job.key} {number}"):
                await self.get(job, browser, each, number, always if each is these[-1] else never)

    async def get(
        self, job: Job, browser: Browser, asked: Asked, number: int, ends: Ends = always
    ) -> "Reached | None":
        """Ask, and follow redirects within the one server; None: no answer was read.

        Where a redirect leads elsewhere it is noted, and is the end. ``ends`` tells of the last
        answer whether the act is over with it. Raises NotReached.
        """
        place = asked.place
        for hop in range(number, number + _HOPS_MAX + 1):
            on: list[str] = []

            def ends_here(answer: Answer | None, at: Place = place, on: list[str] = on) -> bool:
                on += self._onward(answer, at)
                return not on and ends(answer)

            answer = await self.ask(job, browser, asked, hop, ends_here)
            if answer is None or not on:
                return None if answer is None else Reached(answer, asked, hop + 1)
            asked = replace(asked, url=on[0])
        self.ledger.forget(job.key)  # it leads round in circles
        return None

    def _onward(self, answer: Answer | None, place: Place) -> list[str]:
        """Where an answer leads, if that is on the same server."""
        if answer is None or not leads(answer):
            return []
        url = answer.location
        return [url] if may_go(url, self.admit) and place_of(urlsplit(url)) == place else []

    async def ask(
        self, job: Job, browser: Browser, asked: Asked, number: int, ends: Ends = always
    ) -> Answer | None:
        """One request; None: no answer was read. Raises NotReached: nothing is written then.

        ``ends`` tells of its answer whether the act is over with it.
        """
        entry = job.entry(self.clock.now(), number, asked, is_last=False)
        self.ledger.begin(entry)
        try:
            answer = await browser.ask(asked)
        except NotReached:
            self.ledger.end(entry)
            raise
        except Unanswered:
            self.ledger.write(replace(entry, result=Result.DOUBT, is_last=ends(None)))
            return None
        self._keep_cookies(job, answer)
        self.ledger.write(
            replace(
                entry,
                answered_at=self.clock.now(),
                status=answer.status,
                location=answer.location,
                cookie="" if job.act.what.is_machine else "; ".join(answer.cookies),
                is_last=ends(answer),
            )
        )
        return answer

    def asked_by(self, job: Job, url: str, form: str | None = None) -> Asked:
        method = "GET" if form is None else "POST"
        return Asked(url, method, job.persona.reader.agent, self.cookies(job), form)

    def note(self, job: Job, result: Result, url: str = "") -> None:
        number = self.ledger.requests(job.key)
        entry = job.entry(self.clock.now(), number, Asked(url) if url else None)
        self.ledger.write(replace(entry, result=result))

    # --- cookies: a browser is a person's, whatever the message ----------------------------------

    def cookies(self, job: Job) -> tuple[str, ...]:
        return tuple(self._jars.get((job.arrival.recipient, job.act.who), {}).values())

    def _keep_cookies(self, job: Job, answer: Answer) -> None:
        if answer.cookies and job.persona.reader.cookies and not job.act.what.is_machine:
            person = (job.arrival.recipient, str(job.act.who))
            self._jars[person] = together(self._jars.get(person, {}), answer.cookies)
