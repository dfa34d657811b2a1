"""What is broken, and which invariant has to tell."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import text

from lab import burial
from lab.simulation.invariants.violation import Invariant
from mail.outcome import Accepted, Rejected, Stage
from mail.reply import Reply
from mta import connection_budget, lanes, outbox, settings, worker
from mta.attempts import Attempts
from scheduler import housekeeping
from scheduler.decide import room, stream
from sinks.session import SinkSession
from store import inbound, leases, parts, settlement, transitions


@dataclass(frozen=True)
class Mutant:
    """One way to break it; ``break_it`` is given pytest's monkeypatch."""

    name: str
    caught_by: Invariant
    break_it: Callable
    known: int = 0  # a seed that tells


def _every(nth):
    """True each nth time that it is asked."""
    asked = 0

    def ask():
        nonlocal asked
        asked += 1
        return asked % nth == 0

    return ask


def _expired_is_sent(patch):
    """A deferral makes the message cancelled."""
    real = transitions._written

    def written(event):
        word, after = real(event)
        return word, "cancelled" if word == "deferred" else after

    patch.setattr(transitions, "_written", written)


def _attempts_forgotten(patch):
    """A part that comes back has forgotten how often its messages were tried."""
    real = parts.cut

    def cut(tx, *given):
        real(tx, *given)
        tx.connection.execute(
            text("UPDATE message SET attempts = 0 WHERE part_id IS NOT NULL AND attempts > 0")
        )

    patch.setattr(parts, "cut", cut)


def _final_retried(patch):
    """What has failed is due again."""
    real = parts.due

    def due(tx, now, limit):
        tx.connection.execute(
            text(
                "UPDATE message SET status = 'pending', next_attempt_at = :now"
                " WHERE status = 'failed'"
            ),
            {"now": now},
        )
        return real(tx, now, limit)

    patch.setattr(parts, "due", due)


def _fence_ignored(patch):
    """Whoever reports is believed, whether or not it holds the lease."""

    def held_by(tx, author, named):
        return named

    def current(tx, author, outcomes, held=None):
        number = {}
        for each in outcomes:
            row = tx.connection.execute(
                text("SELECT part_id FROM message WHERE id = :id"), {"id": each.message_id}
            ).one()
            number[each.message_id] = row.part_id
        mended = [each._replace(part_id=number[each.message_id]) for each in outcomes]
        return transitions._record(tx, author, mended, 0, 0)

    patch.setattr(transitions, "held_by", held_by)
    patch.setattr(transitions, "record", current)


def _lease_end_ignored(patch):
    """A worker sends on after the end of its leases."""

    def may_send(self, held):
        is_valid = self._world.clock.now() < held.part.lease.expires_at
        return not self._is_fenced and is_valid and self._is_allowed(held)

    patch.setattr(worker.Worker, "_may_send", may_send)


def _taken_too_early(patch):
    """Leases are taken back from workers that still have them."""
    real = housekeeping.stale_leases

    def stale(lent, holders, now):
        early = {
            number: replace(each, heartbeat_at=each.heartbeat_at - 60)
            for number, each in holders.items()
        }
        return real([replace(each, leased_until=0.0) for each in lent], early, now)

    patch.setattr(housekeeping, "stale_leases", stale)


def _lane_lent_twice(patch):
    """A limited lane is lent to whoever has the least in hand."""

    def taker(self, affinity, source_ip, lane, size):
        return self._least_loaded(self._pool(affinity, source_ip), lane, size)

    real = room.Room.take

    def take(self, affinity, source_ip, lane, worker, size):
        lane.owner = None
        real(self, affinity, source_ip, lane, worker, size)

    patch.setattr(room.Room, "taker", taker)
    patch.setattr(room.Room, "take", take)


def _accepted_without_receipt(patch):
    """A sink says 250 and writes nothing."""
    real, forgets = SinkSession._keep, _every(5)

    def keep(self, sender, recipients, content):
        return "s-0" if forgets() else real(self, sender, recipients, content)

    patch.setattr(SinkSession, "_keep", keep)


def _journal_not_replayed(patch):
    """Nobody reads what a dead worker knew."""
    patch.setattr(burial.journals, "read", lambda _: ([], 0))


def _acceptance_taken_for_refusal(patch):
    """A reply of 250 now and then counts as a refusal."""
    real, errs = Attempts.answered, _every(7)

    def answered(self, held, answer, **given):
        if isinstance(answer, Accepted) and errs():
            answer = Rejected(Reply(550, "5.1.1 no such user"), Stage.BODY)
        real(self, held, answer, **given)

    patch.setattr(Attempts, "answered", answered)


def _mask_ignored(patch):
    """A worker does not ask whether the IP may still be used."""
    patch.setattr(settings.MtaSettings, "admits", lambda *_: True)
    patch.setattr(
        lanes.Lanes, "reconfigure", lambda self, new: setattr(self, "_settings", self._settings)
    )


def _one_connection_more(patch):
    """One more than a rule allows."""

    def take(self, wanted, tell):
        granted = max(0, min(wanted, self.most + 1 - self._taken))
        self._taken += granted
        return granted

    patch.setattr(connection_budget.ConnectionBudget, "take", take)


def _lane_left_with_open_connections(patch):
    """A worker gives a limited lane away while it has connections there."""
    patch.setattr(lanes.Lanes, "is_quiet", lambda *_: True)
    patch.setattr(lanes, "IDLE_LIMITED_S", 5.0)


def _limiter_not_kept(patch):
    """Nobody tells the store what a limiter allowed."""
    patch.setattr(outbox.Outbox, "keep_limiter", lambda *_: None)


def _crash_frees_the_limiter(patch):
    """After a crash the next owner believes that nothing was used."""
    real = settlement.reclaim
    patch.setattr(settlement, "reclaim", lambda tx, stale, tats, at: real(tx, stale, {}, at))


def _expiry_skipped(patch):
    """Nobody ends what is past its validity."""

    async def expire(self):
        return 0

    patch.setattr(housekeeping.Housekeeping, "expire", expire)


def _sent_after_validity(patch):
    """A worker does not ask whether the validity is over."""

    def may_send(self, held):
        is_held = self._world.clock.monotonic() < held.part.good_until
        return not self._is_fenced and is_held and self._is_allowed(held)

    patch.setattr(worker.Worker, "_may_send", may_send)


def _oldest_first(patch):
    """Deliveries go one after the other."""

    def entry(self, delivery, head):
        return (float(delivery), head.part_id, delivery)

    patch.setattr(stream._Order, "_entry", entry)


def _never_finished(patch):
    """Nobody notices that a delivery is over."""

    async def finish(self):
        return 0

    patch.setattr(housekeeping.Housekeeping, "finish", finish)


def _new_work_not_seen(patch):
    """A worker that once found nothing looks no more."""
    real = leases.may_be_lent
    known = set()

    def may_be_lent(watch, worker_id):
        if worker_id in known:
            return False
        found = real(watch, worker_id)
        if not found:
            known.add(worker_id)
        return found

    patch.setattr(leases, "may_be_lent", may_be_lent)


def _worker_raises(patch):
    """A bug in a worker."""
    real, fails = outbox.Outbox.finish, _every(6)

    def finish(self, part_id, epoch):
        if fails():
            raise KeyError(part_id)
        real(self, part_id, epoch)

    patch.setattr(outbox.Outbox, "finish", finish)


def _bounce_forgotten(patch):
    """Some of what is taken at the port for bounces is not kept."""
    real, forgets = inbound.take, _every(2)

    def take(tx, *given):
        numbers = real(tx, *given)
        if forgets():
            tx.connection.execute(text(f"DELETE FROM inbound WHERE id = {numbers[0]}"))
        return numbers

    patch.setattr(inbound, "take", take)


MUTANTS = (
    Mutant("a deferral cancels", Invariant.LEGAL_TRANSITIONS, _expired_is_sent, 2),
    Mutant("attempts forgotten", Invariant.ATTEMPTS_GROW, _attempts_forgotten, 4),
    Mutant("failed is tried again", Invariant.FINAL_IS_FINAL, _final_retried, 4),
    Mutant("fence ignored", Invariant.ONE_LIVE_LEASE, _fence_ignored, 506),
    Mutant("lease end ignored", Invariant.ONE_LIVE_LEASE, _lease_end_ignored, 82),
    Mutant("lease taken too early", Invariant.ONE_LIVE_LEASE, _taken_too_early),
    Mutant("lane lent twice", Invariant.ONE_OWNER, _lane_lent_twice),
    Mutant("250 without receipt", Invariant.SENT_IS_RECEIVED, _accepted_without_receipt),
    Mutant("journal not replayed", Invariant.TWICE_ONLY_UNHEARD, _journal_not_replayed, 16),
    Mutant("250 taken for 550", Invariant.NO_RECEIPT_LOST, _acceptance_taken_for_refusal),
    Mutant("affinity not asked", Invariant.ALLOWED_IP, _mask_ignored, 1),
    Mutant("one connection more", Invariant.CONNECTIONS, _one_connection_more),
    Mutant("lane left too early", Invariant.CONNECTIONS, _lane_left_with_open_connections, 8),
    Mutant("limiter not kept", Invariant.RATE, _limiter_not_kept, 8),
    Mutant("crash frees the limiter", Invariant.RATE, _crash_frees_the_limiter, 95),
    Mutant("expiry skipped", Invariant.EXPIRY, _expiry_skipped),
    Mutant("sent after validity", Invariant.EXPIRY, _sent_after_validity, 7),
    Mutant("oldest delivery first", Invariant.FAIRNESS, _oldest_first, 7),
    Mutant("never finished", Invariant.LIVENESS, _never_finished),
    Mutant("new work not seen", Invariant.LIVENESS, _new_work_not_seen, 2),
    Mutant("bounce forgotten", Invariant.BOUNCE_IS_KEPT, _bounce_forgotten),
    Mutant("worker raises", Invariant.NO_CRASH, _worker_raises),
)
