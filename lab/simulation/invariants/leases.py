"""At most one live lease on a message; a limited lane has one owner.

A lease is live until its worker gives it back, is dead, or its time is over. Nobody else writes an
outcome, nobody else says MAIL for its messages, and nobody takes it away before.
"""

import math
from typing import Final

from lab.simulation.invariants.books import Books, Lease, Step
from lab.simulation.invariants.scene import Scene
from lab.simulation.invariants.violation import Invariant
from lab.simulation.process import SimulatedProcess, State
from lab.simulation.wire import Unheard
from mail.states import MessageEvent
from store import settlement
from store.observing import Change

_BY_WORKERS: Final = (MessageEvent.ACCEPTED, MessageEvent.DEFERRED, MessageEvent.REFUSED)
_FOLLOWS_WITHIN_S: Final = 1.0
_READ_BEFORE_S: Final = 0.5  # a journal is read a while before its worker counts as buried


class Leases:
    """Who may send what."""

    def __init__(self, scene: Scene, books: Books) -> None:
        self._scene, self._books = scene, books

    def see(self, step: Step) -> None:
        for change in step.changes:
            if change.event in _BY_WORKERS:
                self._is_his(change, step)
        for lease in step.ended:
            self._may_end(lease, step.process)
            self._may_have_heard(lease, step)
        self._lanes_have_one_owner(step)

    def _is_his(self, change: Change, step: Step) -> None:
        """An outcome is written for whoever held the message until this commit."""
        held = [lease for lease in step.held_before.values() if change.message_id in lease.messages]
        if not any(lease.part.worker_id == change.worker_id for lease in held):
            holders = [lease.part.worker_id for lease in held]
            self._scene.violated(
                Invariant.ONE_LIVE_LEASE,
                f"worker {change.worker_id} reported {change.event} of message "
                f"{change.message_id}, which {holders or 'nobody'} held",
            )

    def _may_end(self, lease: Lease, by: SimulatedProcess | None) -> None:
        holder = self._books.process_of(lease.part.worker_id)
        if holder is None or holder is by or holder.state is State.DEAD:
            return
        until, now = self._ends_at(lease, holder), self._scene.sim.now()
        if now < until - self._scene.skewed_s:
            self._scene.violated(
                Invariant.ONE_LIVE_LEASE,
                f"part {lease.part.id} was taken from worker {lease.part.worker_id}, which lives, "
                f"{until - now:.3f} s before the end of its lease",
            )

    def _ends_at(self, lease: Lease, holder: SimulatedProcess) -> float:
        """A worker goes by its last heartbeat, and so does whoever buries it."""
        sim = self._scene.sim
        until = lease.part.leased_until or 0.0
        # A beat counts from when it was said; in a slow store it is there a while later.
        heard_at = sim.shared.heard.get(holder.pid)
        if heard_at is None:
            return until
        lease_s = min(each.configuration.scheduler.lease for each in self._scene.lately())
        return min(until, heard_at + lease_s)

    def _may_have_heard(self, lease: Lease, step: Step) -> None:
        """A worker on another host is buried alive: what it hears from now on nobody is told."""
        holder = self._books.process_of(lease.part.worker_id)
        if step.operation is not settlement.bury or holder is None or holder is step.process:
            return
        if holder.state is not State.DEAD:
            wire, now = self._scene.sim.wire, self._scene.at
            since = now - _READ_BEFORE_S
            wire.unheard += [
                Unheard(math.inf, since, source_ip=ip, place=place)
                for ip, place in wire.ends_of(holder)
            ]

    def _lanes_have_one_owner(self, step: Step) -> None:
        followed_s = _FOLLOWS_WITHIN_S + self._slept_s(step.process)
        limits = [version.limits_of for version in self._scene.lately(followed_s)]
        for began in step.began:
            lane, worker = began.part.lane, began.part.worker_id
            if not all(of(began.part.mx_group).is_limited for of in limits):
                continue
            others = {
                each.part.worker_id
                for each in self._books.leases.values()
                if each.part.lane == lane and each.part.worker_id != worker
            }
            if others:
                self._scene.violated(
                    Invariant.ONE_OWNER,
                    f"part {began.part.id} of the limited lane {lane} was lent to worker "
                    f"{worker}, while {sorted(map(str, others))} hold parts of it",
                )

    def _slept_s(self, lender: SimulatedProcess | None) -> float:
        """How long a lender that has just woken knew of no change."""
        if lender is None or self._scene.at - lender.resumed_at > _FOLLOWS_WITHIN_S:
            return 0.0
        return lender.resumed_at - lender.stopped_at

    def says_mail(self, message_id: int, process: SimulatedProcess) -> None:
        """A worker begins to send a message."""
        lease = self._books.holder.get(message_id)
        holder = None if lease is None else self._books.process_of(lease.part.worker_id)
        if lease is None or holder is not process:
            who = "nobody" if holder is None else f"{holder.name} (pid {holder.pid})"
            self._scene.violated(
                Invariant.ONE_LIVE_LEASE,
                f"{process.name} (pid {process.pid}) sends message {message_id}, which is lent to "
                f"{who}",
            )
            return
        self._is_in_time(lease, message_id)

    def _is_in_time(self, lease: Lease, message_id: int) -> None:
        now = self._scene.sim.now() - self._scene.skewed_s
        if now < (lease.part.leased_until or 0.0):
            return
        # Heartbeats renew it, which are no news.
        for part in self._scene.observer.parts():
            if part.id == lease.part.id:
                lease.part = part
        if now >= (lease.part.leased_until or 0.0):
            self._scene.violated(
                Invariant.ONE_LIVE_LEASE,
                f"message {message_id} is sent {now - (lease.part.leased_until or 0.0):.3f} s "
                "after the end of its lease",
            )
