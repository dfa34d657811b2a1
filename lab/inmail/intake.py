"""Stores what comes back, in groups: whoever waits for a 250 waits for one commit at most."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mail.inbound import digest_of
from mail.message_id import open_return_path
from mail.seal import KEY_BYTES, Keyring
from mta.classify import Classifier
from mta.inmail.read import Read, read
from store import inbound, keys
from store.engine import Store
from store.errors import StoreUnavailable
from world.chance import Chance
from world.clock import Clock

GROUP_MAX: Final = 20  # letters of one commit: each takes some statements of its own
GROUP_BYTES: Final = 8 * 1024 * 1024
SETTLE_EVERY_S: Final = 1.0  # how soon what waited for its message's outcome takes effect
_SETTLED_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about it; replaced as a whole when it changes."""

    classifier: Classifier
    terms: inbound.Terms


@dataclass(slots=True)
class _Waiting:
    letter: inbound.Letter
    done: asyncio.Future[int] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Intake:
    """One writer for all sessions."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        chance: Chance,
        rules: Callable[[], Rules],
    ) -> None:
        self._store, self._clock, self._chance, self._rules = store, clock, chance, rules
        self._waiting: list[_Waiting] = []
        self._wanted = asyncio.Event()

    async def put(self, sender: str, recipients: list[str], content: bytes) -> list[int]:
        """Keep a mail for each of its recipients; it is in the store when this returns.

        Raises:
            StoreUnavailable: it is not, or not for all.
        """
        found = await self._read(sender, content)
        sealing = await self._keyring()
        waiting = [_Waiting(_letter(found, sender, each, content, sealing)) for each in recipients]
        self._waiting += waiting
        self._wanted.set()
        return [await each.done for each in waiting]

    async def _read(self, sender: str, content: bytes) -> Read:
        await asyncio.sleep(0)  # a sender of many large ones is not the only one
        return read(content, sender, self._rules().classifier)

    async def _keyring(self) -> Keyring:
        """The keys as they are now: an operator may have withdrawn one."""
        found = await self._store.read(keys.keys)
        if found is None:
            found = await self._store.write(
                keys.first, lambda: self._chance.secret(KEY_BYTES), self._clock.now()
            )
        return found

    async def run(self) -> None:
        """Store until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._store_for_ever(), name="keeping")
            tasks.create_task(self._settle_for_ever(), name="settling")

    async def _store_for_ever(self) -> None:
        while True:
            await self._wanted.wait()
            group = self._next_group()
            letters = [each.letter for each in group]
            try:
                numbers = await self._store.write(
                    inbound.take, letters, self._rules().terms, self._clock.now()
                )
            except StoreUnavailable as error:
                for each in group:
                    if not each.done.done():
                        each.done.set_exception(error)
            else:
                for each, number in zip(group, numbers, strict=True):
                    if not each.done.done():  # its client has left
                        each.done.set_result(number)

    def _next_group(self) -> list[_Waiting]:
        size, count = 0, 0
        for each in self._waiting[:GROUP_MAX]:
            size += len(each.letter.content)
            if count and size > GROUP_BYTES:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        if not self._waiting:
            self._wanted.clear()
        return group

    async def _settle_for_ever(self) -> None:
        """A bounce can be here before the outcome of its message is."""
        while True:
            try:
                waits = await self._store.read(inbound.is_settleable)
                while waits:
                    settled = await self._store.write(
                        inbound.settle_waiting,
                        self._rules().terms,
                        self._clock.now(),
                        _SETTLED_AT_ONCE,
                    )
                    waits = settled == _SETTLED_AT_ONCE
            except StoreUnavailable:
                pass  # as soon as it is there again
            await self._clock.doze(SETTLE_EVERY_S)


def _letter(
    found: Read, sender: str, recipient: str, content: bytes, sealing: Keyring
) -> inbound.Letter:
    return inbound.Letter(
        recipient=recipient,
        sender=sender,
        content=content,
        digest=digest_of(recipient, content),
        kind=found.kind,
        subject=found.subject,
        text=found.text,
        sealed=open_return_path(recipient, sealing),
        returned=found.returned,
        reports=tuple(
            inbound.Report(each.recipients, each.kind, each.verdict) for each in found.reports
        ),
    )
