"""The domains to which routes lead, each mask of a route with what earlier routes take of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from affinity.configuration import Configuration, SourceIp
from affinity.domain_search import Wanted, covered, disjoint, example, is_none
from affinity.mask import is_pattern, matches


@dataclass(frozen=True, slots=True)
class Routed:
    """The domains of one mask of a route that go by this route."""

    group: str
    mask: str
    earlier: tuple[str, ...]  # masks of routes before it, which take what they name
    masks: tuple[str, ...]  # of all source IPs: one search then answers for each of them

    def _has(self, found: frozenset[str]) -> bool:
        return not any(each in found for each in self.earlier)

    def sent_by_none(self, ips: Sequence[SourceIp]) -> bool:
        """Whether it is certain that no mail to any of the domains may leave from these IPs."""

        def is_sent(found: frozenset[str]) -> bool:
            return self._has(found) and any(_admits(ip, found) for ip in ips)

        every = (*self.earlier, *self.masks)
        if is_none(self.mask, every, is_sent):
            return True
        if example(self.mask, every, is_sent) is not None:
            return False
        return is_none(self.mask, self._masks_of(ips), is_sent)  # a smaller search may decide

    def sent_by(self, ip: SourceIp) -> str | None:
        """A domain to which the IP may send; None if none was found."""
        return self._example(lambda found: self._has(found) and _admits(ip, found))

    def refused_by(self, ips: Sequence[SourceIp]) -> str | None:
        """A domain to which none of these IPs may send; None if none was found."""
        if any(self._is_all_admitted(ip) for ip in ips):
            return None  # as it mostly is
        return self._example(
            lambda found: self._has(found) and not any(_admits(ip, found) for ip in ips)
        )

    def _is_all_admitted(self, ip: SourceIp) -> bool:
        return (not ip.include or covered(self.mask, ip.include)) and (
            not ip.exclude or disjoint(self.mask, ip.exclude)
        )

    def _example(self, wanted: Wanted) -> str | None:
        return example(self.mask, (*self.earlier, *self.masks), wanted)

    def _masks_of(self, ips: Sequence[SourceIp]) -> list[str]:
        wanted = {mask for ip in ips for mask in (*ip.include, *ip.exclude)}
        return [*self.earlier, *(each for each in self.masks if each in wanted)]


def routed(configuration: Configuration) -> Iterator[Routed]:
    """In file order; a mask of which earlier routes take everything is left out."""
    every = dict.fromkeys(
        mask
        for affinity in configuration.affinity.values()
        for ip in affinity.ip
        for mask in (*ip.include, *ip.exclude)
    )
    earlier: list[str] = []
    for group, route in configuration.route.items():
        for mask in route.domains:
            before = tuple(each for each in earlier if _may_concern(mask, each))
            if not (before and covered(mask, before)):
                yield Routed(
                    group, mask, before, tuple(each for each in every if _may_concern(mask, each))
                )
        earlier += route.domains


def _admits(ip: SourceIp, found: frozenset[str]) -> bool:
    """``affinity.mask.admits`` where the masks that name the domain are known."""
    if ip.include and not any(mask in found for mask in ip.include):
        return False
    return not any(mask in found for mask in ip.exclude)


def _may_concern(mask: str, other: str) -> bool:
    """Spares the search those masks of one domain that it need not look at."""
    return is_pattern(other) or not is_pattern(mask) or matches(mask, other)
