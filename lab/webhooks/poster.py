"""Tells one webhook of its events: in order, at least once, with growing waits where it fails."""

import asyncio
import ssl
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, ParamSpec, TypeVar

from lab.machine import Machine
from lab.webhook_settings import WebhookSettings
from lab.webhooks.post import NotDelivered, Request, post
from lab.webhooks.reading import Reading
from lab.webhooks.signing import headers
from mail.errors import UserError
from store import webhooks
from store.engine import Operation, Store
from store.errors import StoreUnavailable
from store.webhooks import Cursor, DeadLetter, Letter, Webhook
from world.chance import Chance
from world.clock import Clock
from world.crash import reach
from world.log import Log
from world.network import Network

LOOK_EVERY_S: Final = 0.5
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 600.0
_JITTER: Final = 0.2  # of each wait: the receivers of many labs do not come back at once
_STORE_EVERY_S: Final = 1.0  # while it is away
_SAVE_EVERY_S: Final = 5.0  # how far it looked where nothing was to be told
_LEAVE_WITHIN_S: Final = 10.0  # less than the supervisor waits
_SALT: Final = 12

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What posters share."""

    store: Store
    clock: Clock
    chance: Chance
    network: Network
    log: Log

    @classmethod
    def of(cls, store: Store, machine: Machine, network: Network, log: Log) -> "Surroundings":
        return cls(store, machine.clock, machine.chance(), network, log)


@dataclass(frozen=True, slots=True)
class Key:
    """With what requests are signed and sent; never shown."""

    secrets: Sequence[bytes]
    tls: ssl.SSLContext | None = None


class Poster:
    """One webhook; ``run`` goes on until it is cancelled."""

    def __init__(
        self, settings: WebhookSettings, key: Key, reading: Reading, around: Surroundings
    ) -> None:
        self._settings, self._key, self._reading = settings, key, reading
        self._store, self._clock, self._around = around.store, around.clock, around
        self._log = around.log
        self._saved = Cursor(0, 0)  # how far the store knows it to be told
        self._saved_at = 0.0

    async def run(self) -> None:
        """Tell what there is to tell, for ever.

        Cancelled, it first brings what is under way to its end: a request of which nobody knows
        whether it was taken is sent again.
        """
        state = await self._begin()
        while True:
            found = await self._read(self._reading.next, state)
            if found.letter is not None:
                state = await self._tell(state, found.until, found.letter)
                continue
            state = state.at(found.until)
            if state.told != self._saved and (
                self._clock.monotonic() >= self._saved_at + _SAVE_EVERY_S
            ):
                await self._save(state)
            state, was_dead = await self._tell_again(state)
            if not was_dead:
                await self._clock.doze(LOOK_EVERY_S)

    # --- telling ---------------------------------------------------------------------------------

    async def _tell(self, state: Webhook, until: Cursor, letter: Letter) -> Webhook:
        """Try a request until it is taken or given up; returns how the webhook stands then."""
        if state.under_way is None:
            state = state.begins(until)
            await self._save(state)
        while True:
            await self._wait_for(state)
            state = await _whole(self._try(state, until, letter))
            if state.under_way is None:
                return state

    async def _wait_for(self, state: Webhook) -> None:
        if state.next_at is not None:
            # Not longer than a wait can be: the clock may have been set back.
            left = min(state.next_at - self._clock.now(), LONGEST_WAIT_S)
            if left > 0:
                await asyncio.sleep(left)

    async def _try(self, state: Webhook, until: Cursor, letter: Letter) -> Webhook:
        """One request, and what it came to written down."""
        try:
            await self._post(letter)
        except NotDelivered as failure:
            return await self._failed(state, until, letter, failure)
        reach("webhooks.posted")
        told = replace(
            state.at(until),
            error=None,
            posted=state.posted + letter.events,
            posted_at=self._clock.now(),
        )
        await self._save(told)
        return told

    async def _failed(
        self, state: Webhook, until: Cursor, letter: Letter, failure: NotDelivered
    ) -> Webhook:
        attempts = state.attempts + 1
        name = self._settings.name
        if attempts > self._settings.retries:
            gone = replace(state.at(until), error=str(failure))
            self._log.error(
                "webhook_dead_letter",
                note=f"webhook {name}: {letter.events} events given up after {attempts} requests: "
                f"{failure}; `mtalab webhooks dead` lists them",
                webhook=name,
                message=letter.message,
            )
            await self._write(webhooks.bury, gone, letter, attempts, self._clock.now())
            self._saved = gone.told
            return gone
        wait = max(wait_s(attempts, self._around.chance), failure.retry_after_s)
        wait = min(wait, LONGEST_WAIT_S)
        self._log.warning(
            "webhook_failed",
            note=f"webhook {name}: {failure}; trying again in {wait:.1f} s",
            webhook=name,
            attempts=attempts,
            again_in_s=wait,
        )
        later = replace(
            state, attempts=attempts, next_at=self._clock.now() + wait, error=str(failure)
        )
        await self._write(webhooks.save, later)
        return later

    async def _post(self, letter: Letter) -> None:
        reach("webhooks.posting")
        settings = self._settings
        try:
            self._around.network.admit(settings.target.address)
        except UserError as error:
            raise NotDelivered(error.what) from error
        body = letter.body.encode()
        signed = headers(self._key.secrets, letter.message, int(self._clock.now()), body)
        request = Request(settings.target, signed, body, settings.timeout, self._key.tls)
        await post(request)

    # --- dead letters that somebody wants tried again --------------------------------------------

    async def _tell_again(self, state: Webhook) -> tuple[Webhook, bool]:
        """Try one of them once; returns how the webhook stands, and whether there was one."""
        found = await self._read(webhooks.dead, self._settings.name, asked=True, limit=1)
        if not found:
            return state, False
        return await _whole(self._try_dead(state, found[0])), True

    async def _try_dead(self, state: Webhook, dead: DeadLetter) -> Webhook:
        try:
            await self._post(dead.letter)
        except NotDelivered as failure:
            await self._write(webhooks.still_dead, dead.id, str(failure))
            return state
        reach("webhooks.posted")
        told = replace(state, posted=state.posted + dead.letter.events, posted_at=self._clock.now())
        await self._write(webhooks.taken_after_all, dead.id, told)
        self._saved = told.told
        return told

    # --- the store, which may be away ------------------------------------------------------------

    async def _begin(self) -> Webhook:
        name = self._settings.name
        state = await self._read(webhooks.get, name)
        if state is None:
            told = Cursor(0, 0)
            if self._settings.begin == "now":
                told = await self._read(webhooks.ends)
            state = await self._write(webhooks.begin, name, self._around.chance.token(_SALT), told)
        self._saved = state.told
        return state

    async def _save(self, state: Webhook) -> None:
        await self._write(webhooks.save, state)
        self._saved, self._saved_at = state.told, self._clock.monotonic()

    async def _read(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        while True:
            try:
                return await self._store.read(operation, *args, **kwargs)
            except StoreUnavailable:
                await self._clock.doze(_STORE_EVERY_S, about="machine")

    async def _write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        while True:
            try:
                return await self._store.write(operation, *args, **kwargs)
            except StoreUnavailable:
                await self._clock.doze(_STORE_EVERY_S, about="machine")


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """Do it; a cancellation meanwhile is raised when it is done, or has had its time for that."""
    task = asyncio.ensure_future(work)  # noqa: TID251 - a TaskGroup would cancel it
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_LEAVE_WITHIN_S)
        task.cancel()
        raise


def wait_s(attempts: int, chance: Chance) -> float:
    """The wait after so many requests in vain: 1, 2, 4 … 512 s, then 10 min; up to 20 % more."""
    wait = min(FIRST_WAIT_S * 2.0 ** min(attempts - 1, 32), LONGEST_WAIT_S)
    return wait * (1 + _JITTER * chance.random())
