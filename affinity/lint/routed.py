"""The domains to which routes lead, each mask of a route with what earlier routes take of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from affinity.configuration import Configuration, SourceIp
from affinity.domain_search import covered, example, is_none
from affinity.mask import is_pattern, matches


@dataclass(frozen=True, slots=True)
class Routed:
    """The domains of one mask of a route that go by this route."""

    group: str
    mask: str
    earlier: tuple[str, ...]  # masks of routes before it, which take what they name

    def _has(self, found: frozenset[str]) -> bool:
        return not any(each in found for each in self.earlier)

    def sent_by_none(self, ips: Sequence[SourceIp]) -> bool:
        """Whether it is certain that no mail to any of the domains may leave from these IPs."""
        return is_none(
            self.mask,
            self._masks(ips),
            lambda found: self._has(found) and any(_admits(ip, found) for ip in ips),
        )

    def sent_by(self, ip: SourceIp) -> str | None:
        """A domain to which the IP may send; None if none was found."""
        return example(
            self.mask,
            self._masks([ip]),
            lambda found: self._has(found) and _admits(ip, found),
        )

    def refused_by(self, ips: Sequence[SourceIp]) -> str | None:
        """A domain to which none of these IPs may send; None if none was found."""
        return example(
            self.mask,
            self._masks(ips),
            lambda found: self._has(found) and not any(_admits(ip, found) for ip in ips),
        )

    def _masks(self, ips: Sequence[SourceIp]) -> list[str]:
        every = (*self.earlier, *(mask for ip in ips for mask in (*ip.include, *ip.exclude)))
        return [each for each in dict.fromkeys(every) if _may_concern(self.mask, each)]


def routed(configuration: Configuration) -> Iterator[Routed]:
    """In file order; a mask of which earlier routes take everything is left out."""
    earlier: list[str] = []
    for group, route in configuration.route.items():
        for mask in route.domains:
            before = tuple(each for each in earlier if _may_concern(mask, each))
            if not (before and covered(mask, before)):
                yield Routed(group, mask, before)
        earlier += route.domains


def _admits(ip: SourceIp, found: frozenset[str]) -> bool:
    """``affinity.mask.admits`` where the masks that name the domain are known."""
    if ip.include and not any(mask in found for mask in ip.include):
        return False
    return not any(mask in found for mask in ip.exclude)


def _may_concern(mask: str, other: str) -> bool:
    """Spares the search those masks of one domain that it need not look at."""
    return is_pattern(other) or not is_pattern(mask) or matches(mask, other)
