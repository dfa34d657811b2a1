"""From an answer to an outcome: judged, with its next attempt, handed to the outbox."""

from collections.abc import Callable

from affinity.retry import next_attempt
from mail.cause import Cause
from mail.outcome import Answer, Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from mta.errors import PersonalizationError
from mta.held import HeldMessage, HeldPart
from mta.outbox import Outbox
from mta.settings import MtaSettings
from store.transitions import Outcome
from world.chance import Chance
from world.clock import Clock


class Attempts:
    """Turns each answered attempt into one outcome."""

    def __init__(
        self,
        outbox: Outbox,
        clock: Clock,
        chance: Chance,
        settings: Callable[[], MtaSettings],
        close_one: Callable[[HeldPart], None],
    ) -> None:
        self.together = outbox.together
        self._outbox, self._clock, self._chance = outbox, clock, chance
        self._settings = settings
        self._close_one = close_one
        self.progress_at: float | None = None  # when the last answer came, in epoch seconds

    def answered(
        self, held: HeldMessage, answer: Answer, *, duration_s: float = 0.0, size_bytes: int = 0
    ) -> None:
        """The receiver, or the failure to reach it, decided about one message."""
        attempt = held.message.attempts + 1
        verdict = self._settings().classifier.classify(answer, attempt)
        self._record(held, verdict, duration_s, size_bytes)

    def waits_for(self, answer: Answer) -> Cause | None:
        """What a message that met this would wait for."""
        return self._settings().classifier.classify(answer, 1).cause

    def not_made(self, held: HeldMessage, error: PersonalizationError) -> None:
        """The content could not be made for this recipient; trying again would not help."""
        verdict = Verdict(
            MessageEvent.REFUSED, FailureType.IGNORED, Reason.PERSONALIZATION, str(error)
        )
        self._record(held, verdict, 0.0, 0)

    def _record(
        self, held: HeldMessage, verdict: Verdict, duration_s: float, size_bytes: int
    ) -> None:
        lease, message = held.part.lease, held.message
        now = self.progress_at = self._clock.now()
        attempt = message.attempts + 1
        retry_at = None
        if verdict.event is MessageEvent.DEFERRED:
            policy = self._settings().retry
            retry_at = next_attempt(policy, attempt, now, lease.expires_at, self._chance.random())
            if retry_at is None:
                retry_at = lease.expires_at  # no attempt fits any more: it expires there
        self._outbox.add(
            Outcome(
                message_id=message.message_id,
                delivery_id=lease.delivery_id,
                part_id=lease.part_id,
                epoch=lease.epoch,
                address=message.address,
                attempt=attempt,
                at=now,
                verdict=verdict,
                next_attempt_at=retry_at,
                source_ip=lease.source_ip,
                mx_group=lease.mx_group,
                duration_ms=round(duration_s * 1000, 3),
                size_bytes=size_bytes,
            )
        )
        self._close_one(held.part)
