"""Which leases are over although their worker never said so.

A lease ends at its own end or a lease's length after the worker's last heartbeat, whichever is
later: a heartbeat renews all that the worker holds, without touching one row per part. Only a
worker that is known to be dead is not waited for. A silent one may still be sending: to take its
parts early would send messages twice and break the limits of its lanes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Stale(StrEnum):
    """Why a part is taken from its worker; the words are noted with the part."""

    DEAD = "its worker has ended"
    SILENT = "its worker was silent for a whole lease"
    UNKNOWN = "no such worker is known and the lease ran out"


@dataclass(frozen=True, slots=True)
class Lease:
    """A part in a worker's hands; ``leased_until`` in epoch seconds."""

    part_id: int
    worker_id: int
    leased_until: float


@dataclass(frozen=True, slots=True)
class Holder:
    """A worker as far as its leases go: last heartbeat (epoch seconds), length of a lease (s)."""

    worker_id: int
    heartbeat_at: float
    lease_s: float
    is_dead: bool = False


@dataclass(frozen=True, slots=True)
class StaleLease:
    """A lease to take back, and why."""

    lease: Lease
    why: Stale


def stale_leases(
    leases: Iterable[Lease], holders: Mapping[int, Holder], now: float
) -> list[StaleLease]:
    """Those of ``leases`` that are over at ``now``, in their order."""
    found = ((lease, _stale(lease, holders.get(lease.worker_id), now)) for lease in leases)
    return [StaleLease(lease, why) for lease, why in found if why is not None]


def _stale(lease: Lease, holder: Holder | None, now: float) -> Stale | None:
    if holder is None:
        return Stale.UNKNOWN if lease.leased_until <= now else None
    if holder.is_dead:
        return Stale.DEAD
    ends_at = max(lease.leased_until, holder.heartbeat_at + holder.lease_s)
    return Stale.SILENT if ends_at <= now else None
