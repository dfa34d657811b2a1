"""The messages that wait at one worker for one source IP and one MX group, and their pace.

``pull`` is called by a connection that is ready for its next message. It hands out a rendered
envelope or None; whatever may not be sent any more (lease over, validity over, IP withdrawn) goes
back instead of out. It fails closed: no message leaves by an IP that its affinity does not allow.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from affinity.rate import Rate
from mta.held import HeldMessage
from mta.session.envelope import Envelope
from world.clock import Clock


@dataclass(slots=True)
class Limiter:
    """The rate limiter of a lane; shared by the queues of a shared lane."""

    rate: Rate
    tat: float | None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a queue asks of its worker."""

    is_blocked: Callable[[], bool]  # nothing may go at all for now
    may_send: Callable[[HeldMessage], bool]
    render: Callable[[HeldMessage], Envelope | None]  # None: it is answered or given back
    give_back: Callable[[HeldMessage], None]
    spent: Callable[[str, float], None]  # lane, its limiter's new state


class LaneQueue:
    """First in, first out, under the lane's rate limit."""

    def __init__(
        self,
        lane: str,
        clock: Clock,
        limiter: Limiter | None,
        hooks: Hooks,
        wake: Callable[[], None],
    ) -> None:
        self.lane = lane
        self._clock = clock
        self._limiter = limiter
        self._hooks = hooks
        self._wake = wake
        self._waiting: deque[HeldMessage] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: HeldMessage) -> None:
        self._waiting.append(message)

    def put_back(self, message: HeldMessage) -> bool:
        """Let it go next, by another host; False if nothing goes from here any more."""
        if self._is_closed:
            return False
        self._waiting.appendleft(message)
        return True

    def pull(self) -> Envelope | None:
        """The next message for a connection, or None when none may go now."""
        while self._waiting and not self._hooks.is_blocked():
            if not self._hooks.may_send(self._waiting[0]):
                self._hooks.give_back(self._waiting.popleft())
                continue
            now = self._clock.now()  # once: between two readings a clock may be set back
            wait = self._wait_from(now)
            if wait > 0:
                self._wake_after(wait)
                return None
            held = self._waiting.popleft()
            envelope = self._hooks.render(held)
            if envelope is not None:
                self._spend(now)
                return envelope
        return None

    def wait_s(self) -> float:
        """Seconds until the limiter lets the next message go; 0 when now."""
        return self._wait_from(self._clock.now())

    def _wait_from(self, now: float) -> float:
        if self._limiter is None:
            return 0.0
        return max(0.0, self._limiter.rate.earliest(self._limiter.tat) - now)

    def _spend(self, now: float) -> None:
        if self._limiter is None:
            return
        self._limiter.tat = self._limiter.rate.spend(self._limiter.tat, now)
        self._hooks.spent(self.lane, self._limiter.tat)

    def _wake_after(self, wait_s: float) -> None:
        if self._timer is not None:
            return

        def ring() -> None:
            self._timer = None
            self._wake()

        self._timer = asyncio.get_running_loop().call_later(wait_s, ring)

    def sendable(self) -> int:
        """How many connections' worth of work there is now."""
        if self._hooks.is_blocked():
            return 0
        wait = self.wait_s()
        if wait > 0 and self._waiting:
            self._wake_after(wait)
            return 0
        return len(self._waiting)

    def drain(self, unwanted: Callable[[HeldMessage], bool]) -> list[HeldMessage]:
        """Take out the waiting messages that are unwanted, in order."""
        taken = [each for each in self._waiting if unwanted(each)]
        if taken:
            self._waiting = deque(each for each in self._waiting if not unwanted(each))
        return taken

    def holds(self, wanted: Callable[[HeldMessage], bool]) -> bool:
        """Whether such a message waits."""
        return any(map(wanted, self._waiting))

    def close(self) -> None:
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
