"""The hosts of a route as one source IP sees them: which to try next, and which to leave alone.

The lowest preference goes first, equal ones are spread by chance (RFC 5321, 5.1). A host that fails
is left alone for a while that doubles with each failure in a row and is forgotten with the first
success; while it is tried again, one connection goes ahead of the others.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from mail.outcome import Broken, Rejected
from mta.session.handshake import Endpoints, SourceUnavailable, Unreachable
from world.chance import Chance
from world.network import ForbiddenDestination, Network

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 60.0
_EARLY_S: Final = 0.05  # a timer may ring a little before its time by the loop's clock


@dataclass(slots=True, eq=False)
class Host:
    """One host and how it has behaved. Times are the loop's; compared by identity."""

    endpoints: Endpoints
    preference: int = 0
    failures: int = 0  # to connect, one after the other
    poor_sessions: int = 0  # that it ended before it took any message, likewise
    down_until: float = 0.0
    is_on_trial: bool = False  # it failed last time, and one connection is trying it again

    def has_failed(self, now: float) -> None:
        """No connection could be made."""
        if self._back_off(now, self.failures):
            self.failures += 1

    def was_poor(self, now: float) -> None:
        """It ended a session before it took anything: as good as down."""
        if self._back_off(now, self.poor_sessions):
            self.poor_sessions += 1

    def _back_off(self, now: float, times_before: int) -> bool:
        """Leave it alone for a while; connections that fail together count once."""
        if self.down_until > now:
            return False
        self.down_until = now + min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**times_before)
        return True


class Hosts:
    """The hosts of one route. Decides by what it is told; whoever asks hands in the time."""

    def __init__(self, hosts: Sequence[Host], chance: Chance) -> None:
        self._hosts = tuple(hosts)
        self._chance = chance

    def __len__(self) -> int:
        return len(self._hosts)

    def admit(self, network: Network) -> None:
        """Leave out the hosts that the network does not admit.

        Raises:
            ForbiddenDestination: it admits none.
        """
        admitted: list[Host] = []
        refused: ForbiddenDestination | None = None
        for host in self._hosts:
            try:
                network.admit(host.endpoints.host)
            except ForbiddenDestination as error:
                refused = error
            else:
                admitted.append(host)
        if refused is not None and not admitted:
            raise refused
        self._hosts = tuple(admitted)

    def choose(self, now: float, tried: Collection[Host] = ()) -> Host | None:
        """The host to connect to next, of those that are up and not tried yet."""
        up = [each for each in self._up(now) if not each.is_on_trial and each not in tried]
        if not up:
            return None
        best = min(each.preference for each in up)
        equal = [each for each in up if each.preference == best]
        return equal[int(self._chance.random() * len(equal))] if len(equal) > 1 else equal[0]

    def has_untried(self, now: float, tried: Collection[Host]) -> bool:
        """Whether a host is up, or on trial, that is none of these."""
        return any(each not in tried for each in self._up(now))

    def all_have_failed(self, now: float) -> None:
        """The source IP cannot be sent from: that holds for every host."""
        for each in self._hosts:
            each.has_failed(now)

    def down_until(self, now: float) -> float | None:
        """When the first of them is up again; None if one is up."""
        if any(True for _ in self._up(now)):
            return None
        return min(each.down_until for each in self._hosts)

    def next_up_at(self, now: float) -> float | None:
        """When the next of those that are down is up again; None if none is down."""
        return min((each.down_until for each in self._hosts if each.down_until > now), default=None)

    def rise(self, now: float) -> list[Host]:
        """Those that are up again by now."""
        risen = [each for each in self._hosts if 0 < each.down_until <= now + _EARLY_S]
        for each in risen:
            each.down_until = 0.0
        return risen

    def _up(self, now: float) -> list[Host]:
        return [each for each in self._hosts if each.down_until <= now]


def why_unreachable(hosts: Sequence[Host], failures: Sequence[Unreachable]) -> Unreachable:
    """Why a connection could not be made: the last refusal, or all failures in one."""
    last = failures[-1]
    if isinstance(last, SourceUnavailable):
        return last
    said = [each for each in failures if isinstance(each, Rejected)]
    if said:
        return said[-1]
    errors = [each for each in failures if isinstance(each, Broken)]
    if len(errors) == 1:
        return errors[0]
    ends = (each.endpoints for each in hosts)
    text = "; ".join(
        f"{end.host}:{end.port}: {each.error}" for end, each in zip(ends, errors, strict=True)
    )
    return Broken(text, errors[-1].stage)
