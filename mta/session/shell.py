"""Runs a dialogue over a transport: pulls, writes, watches the time.

Everything happens in callbacks of the loop. No message costs a task, a future or a timer: the next
one is pulled where the reply that makes room for it is read, and one watchdog serves them all.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from mail.outcome import Accepted, Stage
from mta.session.chunked import ChunkedDialogue
from mta.session.dialogue import Answered, Dialogue, Ended, Event, Untried
from mta.session.flow import PIECE, pieces_of
from mta.session.handshake import QUIT_TIMEOUT_S, Connected
from mta.session.hooks import Hooks, Timing
from mta.session.settings import SessionSettings
from mta.session.traced import Listener, TracedTransport, heard_by

SLOW_S: Final = 0.1  # from a message's first byte to its answer
_NEVER_WRITTEN: Final = Timing(0.0)


class PipelinedSession(asyncio.Protocol):
    """One connection to a server that offers PIPELINING; ``run`` lasts as long as it does."""

    def __init__(self, connected: Connected, settings: SessionSettings, hooks: Hooks) -> None:
        self._connected = connected
        self._transport = connected.transport
        self._settings = settings
        if connected.listener is not None:
            hooks = heard_by(connected.listener, hooks)
        self._hooks = hooks
        make = ChunkedDialogue if connected.offers.chunking else Dialogue
        self._dialogue = make(connected.offers, settings.messages_max, hooks.may_send)
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._written_at: dict[int, float] = {}  # of the messages in flight, by their numbers
        self._progress_at = self._loop.time()
        self._pieces: deque[bytes] = deque()  # to write when the transport has room
        self._unsent = 0  # bytes that the transport still had to write when last looked at
        self._watchdog: asyncio.TimerHandle | None = None
        self._watchdog_at = 0.0
        self._is_busy = False  # in a hook: what it asks for happens when it returns
        self._is_paused = False  # the transport has enough to write
        self._is_stopping = False
        self.answered_count = 0
        self.accepted_count = 0
        self.ended: Ended | None = None

    @property
    def phase(self) -> str:
        """The stage whose reply is awaited, ``idle`` or ``over``, for inspection."""
        if self._dialogue.is_over:
            return "over"
        return self._dialogue.awaited or "idle"

    @property
    def awaits_since(self) -> float:
        """The loop's time of the last word or byte that went either way."""
        return self._progress_at

    @property
    def messages_since(self) -> tuple[float, ...]:
        """The loop's times at which the messages in flight were taken."""
        return tuple(self._written_at.values())

    @property
    def takes_messages(self) -> bool:
        """Whether it will pull again."""
        dialogue = self._dialogue
        return not (
            dialogue.is_over or dialogue.is_quitting or dialogue.is_full or self._is_stopping
        )

    @property
    def in_flight(self) -> int:
        """How many messages it has taken and not answered."""
        return self._dialogue.in_flight

    async def run(self) -> None:
        """Send until the session ends. Cancelling closes at once.

        Raises: whatever a hook raised.
        """
        try:
            self._guarded(self._begin)
            await self._over
        finally:
            self._transport.abort()
            self._report(self._dialogue.give_up("stopped"))

    def wake(self) -> None:
        """There may be something to pull."""
        if not self._is_busy:
            self._guarded(self._pump)

    def stop(self) -> None:
        """Pull no more, finish what is in flight, say QUIT."""
        self._is_stopping = True
        self.wake()

    def let_hear(self, listener: Listener) -> None:
        """Let somebody hear what is said from now on; between two turns of the loop."""
        if self._dialogue.is_over:
            return
        listener.joined(self._dialogue.due, sum(map(len, self._pieces)))
        self._hooks = heard_by(listener, self._hooks)
        self._transport = TracedTransport(self._transport, listener)
        self._transport.set_protocol(self)

    # --- what the transport calls

    def data_received(self, data: bytes) -> None:
        self._guarded(self._read, data)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._progress_at = self._loop.time()
        self._feed()
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        reason = f"connection lost: {exc}" if exc else "connection closed by the server"
        self._guarded(self._lose, reason)
        if self._watchdog is not None:
            self._watchdog.cancel()
        if not self._over.done():
            self._over.set_result(None)

    # --- what they lead to

    def _guarded(self, step: Callable[..., None], *arguments: object) -> None:
        """Route what a hook raises: asyncio takes an OSError for a lost connection.

        Our hooks write journals: what they raise must reach the owner, by way of ``run``.
        """
        try:
            step(*arguments)
        except Exception as error:  # noqa: BLE001 - passed on
            self._transport.abort()
            if not self._over.done():
                self._over.set_exception(error)

    def _begin(self) -> None:
        self._transport.set_write_buffer_limits(high=PIECE)
        left = self._connected.hand_over(self)
        if left:
            self._read(left)
        if self._connected.is_lost:
            self.connection_lost(None)
        self._pump()

    def _read(self, data: bytes) -> None:
        replies = self._dialogue.reply_count
        events = self._dialogue.receive(data)
        if self._dialogue.reply_count != replies:
            self._progress_at = self._loop.time()
        self._report(events)
        self._pump()

    def _lose(self, error: str) -> None:
        self._report(self._dialogue.lose(error))

    def _report(self, events: Sequence[Event]) -> None:
        if len(events) > 1:
            with self._hooks.together():
                self._tell(events)
        elif events:
            self._tell(events)

    def _tell(self, events: Sequence[Event]) -> None:
        self._is_busy = True
        for event in events:
            if isinstance(event, Answered):
                written_at = self._written_at.pop(event.envelope.message_id)
                timing = Timing(self._loop.time() - written_at)
                if timing.duration_s > SLOW_S:
                    self._dialogue.narrow()
                self._count(event)
                self._hooks.answered(event.envelope, event.answer, timing)
            elif isinstance(event, Untried):
                del self._written_at[event.envelope.message_id]
                self._hooks.untried(event.envelope)
            else:
                self._close(event)
        self._is_busy = False

    def _count(self, event: Answered) -> None:
        self.answered_count += 1
        if isinstance(event.answer, Accepted):
            self.accepted_count += 1

    def _close(self, ended: Ended) -> None:
        self.ended = ended
        if self._dialogue.is_quitting:
            self._transport.close()
        else:
            self._transport.abort()  # what is still to be written is of no use

    def _pump(self) -> None:
        """Offer the dialogue what there is, write what it says, see to the watchdog."""
        dialogue = self._dialogue
        self._is_busy = True
        while dialogue.wants_envelope and self._has_room():
            envelope = self._hooks.pull()
            if envelope is None:
                break
            refused = dialogue.offer(envelope)
            if refused is None:
                self._written_at[envelope.message_id] = self._loop.time()
            else:
                self._count(refused)
                self._hooks.answered(envelope, refused.answer, _NEVER_WRITTEN)
        self._is_busy = False
        if dialogue.is_idle and (self._is_stopping or dialogue.is_full):
            dialogue.quit()
        if refused_last := dialogue.ask_last():
            self._report(refused_last)
        output = dialogue.take_output()
        if output:
            self._progress_at = self._loop.time()
            self._pieces.extend(pieces_of(output))
            self._feed()
        self._watch()

    def _feed(self) -> None:
        """Write what the transport has room for."""
        while self._pieces and not (self._is_paused or self._transport.is_closing()):
            self._transport.write(self._pieces.popleft())
        self._unsent = self._transport.get_write_buffer_size()

    def _has_room(self) -> bool:
        return not (self._is_paused or self._is_stopping or self._transport.is_closing())

    def _watch(self) -> None:
        """Arm the watchdog anew only if it would come too late; if too early, it rearms itself."""
        if self._dialogue.is_over:
            return
        deadline = self._progress_at + self._limit_s()
        if self._watchdog is not None:
            if self._watchdog_at <= deadline:
                return
            self._watchdog.cancel()
        self._watchdog_at = deadline
        self._watchdog = self._loop.call_later(
            deadline - self._loop.time(), self._guarded, self._bark
        )

    def _limit_s(self) -> float:
        match self._dialogue.awaited:
            case None:
                return self._settings.idle_timeout
            case Stage.BODY:
                return self._settings.data_timeout
            case Stage.QUIT:
                return QUIT_TIMEOUT_S
            case _:
                return self._settings.greeting_timeout

    def _bark(self) -> None:
        self._watchdog = None
        limit = self._limit_s()
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:  # a slow reader of a large body is no silent one
            self._unsent = unsent
            self._progress_at = self._loop.time()
        elif self._loop.time() >= self._progress_at + limit:
            if self._dialogue.is_idle:
                self._dialogue.quit()
            else:
                self._lose(f"no reply to {self._dialogue.awaited} within {limit:g} s")
                self._transport.abort()  # close() would wait for what TLS owes
        self._pump()
