"""``mtalab config apply``: has every process of the lab follow the file, and sees that they do."""

import asyncio
from dataclasses import dataclass
from typing import Final, Literal

from lab.configuration import Loaded
from lab.following import SETTLED, UP, Account, accounts, digest_of, hang_up
from lab.supervisor import wanted
from world.clock import Clock

LOOK_EVERY_S: Final = 0.1

State = Literal["follows", "needs a restart", "refuses", "does not answer", "does not run"]


@dataclass(frozen=True, slots=True)
class Follower:
    """One process and what it makes of the file."""

    name: str
    pid: int
    state: State
    detail: str  # the keys that need a restart, or why it refuses


async def apply(loaded: Loaded, clock: Clock, within_s: float) -> list[Follower]:
    """Make them follow; returns all processes of this lab on this machine, none when none runs."""
    asked_at, deadline = clock.now(), clock.monotonic() + within_s
    there = accounts(loaded.directory)
    # The supervisor passes it on, so that it begins before those whom it may restart.
    hang_up([each for each in there if each.name == UP and each.hangup] or there)
    while True:
        there = accounts(loaded.directory)
        found = [_follower(each, digest_of(loaded), asked_at) for each in there]
        is_supervised = any(each.name == UP for each in found)
        if is_supervised:
            names = {each.name for each in found}
            missing = [each for each in wanted(loaded) if each not in names]
            found += [Follower(each, 0, "does not run", "") for each in missing]
        if not any(_may_change(each, is_supervised=is_supervised) for each in found):
            return found
        if clock.monotonic() > deadline:
            return found
        await asyncio.sleep(LOOK_EVERY_S)


def _follower(account: Account, digest: str, asked_at: float) -> Follower:
    has_answered = account.at >= asked_at or (not account.hangup and account.digest == digest)
    if has_answered and account.complaint:
        return Follower(account.name, account.pid, "refuses", account.complaint)
    if not has_answered or account.digest != digest:
        return Follower(account.name, account.pid, "does not answer", "")
    if account.restart:
        return Follower(account.name, account.pid, "needs a restart", ", ".join(account.restart))
    return Follower(account.name, account.pid, "follows", "")


def _may_change(follower: Follower, *, is_supervised: bool) -> bool:
    """Whether it is worth to look again: no answer yet, or the supervisor will restart it."""
    if follower.state == "needs a restart":
        own = SETTLED.get(follower.name, ())
        return is_supervised and all(key in own for key in follower.detail.split(", "))
    return follower.state in ("does not answer", "does not run")
