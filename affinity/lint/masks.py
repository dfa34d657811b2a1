"""Include and exclude masks that decide nothing."""

from collections.abc import Iterator, Sequence

from affinity.configuration import Configuration, SourceIp
from affinity.domain_search import covered, disjoint
from affinity.key_path import KeyPath
from affinity.lint.code import Code
from affinity.lint.finding import Finding


def masks(configuration: Configuration) -> Iterator[Finding]:
    """Each mask of each source IP, in file order."""
    domains = [mask for route in configuration.route.values() for mask in route.domains]
    for name, affinity in configuration.affinity.items():
        for index, ip in enumerate(affinity.ip):
            path: KeyPath = ("affinity", name, "ip", index)
            yield from _includes((*path, "include"), ip, domains)
            yield from _excludes((*path, "exclude"), ip)


def _includes(path: KeyPath, ip: SourceIp, domains: Sequence[str]) -> Iterator[Finding]:
    redundant = _redundant(ip.include)
    for index, mask in enumerate(ip.include):
        here = (*path, index)
        if domains and disjoint(mask, domains):
            yield Finding(
                Code.INCLUDE_WITHOUT_ROUTE,
                here,
                f"{ip.address} includes {mask}, to which no route leads",
                "Add the domain to a route, or correct the mask.",
            )
        elif ip.exclude and covered(mask, ip.exclude):
            yield Finding(
                Code.INCLUDE_EXCLUDED,
                here,
                f"{ip.address} includes {mask} and excludes all of it: "
                f"{', '.join(_those_that_meet(mask, ip.exclude))}",
                "exclude has the last word: take the mask out of one of them.",
            )
        elif index in redundant:
            yield _told(here, ip, "include", redundant[index])


def _excludes(path: KeyPath, ip: SourceIp) -> Iterator[Finding]:
    redundant = _redundant(ip.exclude)
    for index, mask in enumerate(ip.exclude):
        here = (*path, index)
        if ip.include and disjoint(mask, ip.include):
            yield Finding(
                Code.EXCLUDE_UNNEEDED,
                here,
                f"{ip.address} excludes {mask}, of which it includes nothing",
                "Take it out, or correct it: where there is an include, only that may be sent to.",
            )
        elif index in redundant:
            yield _told(here, ip, "exclude", redundant[index])


def _told(path: KeyPath, ip: SourceIp, which: str, by: Sequence[str]) -> Finding:
    mask = getattr(ip, which)[path[-1]]
    return Finding(
        Code.MASK_REDUNDANT,
        path,
        f"{ip.address} {which}s {mask}, all of which {' and '.join(by)} "
        f"{'names' if len(by) == 1 else 'name'} too",
        "Take it out, or correct it.",
    )


def _redundant(masks: Sequence[str]) -> dict[int, list[str]]:
    """Masks of which all is named by those that are left without them; of equal ones the first."""
    left = dict(enumerate(masks))
    found: dict[int, list[str]] = {}
    for together in (False, True):  # what one wide mask names first: it is the wide one that stays
        for index in reversed(list(left)):
            others = [each for place, each in left.items() if place != index]
            by = _those_that_name(masks[index], others, together=together)
            if by:
                found[index] = by
                del left[index]
    return found


def _those_that_name(mask: str, others: Sequence[str], *, together: bool) -> list[str]:
    """One that names all of a mask, or several that do so together; none: nothing does."""
    if not together:
        return [each for each in others if covered(mask, [each])][:1]
    return _those_that_meet(mask, others) if others and covered(mask, others) else []


def _those_that_meet(mask: str, others: Sequence[str]) -> list[str]:
    """The one that names all of a mask, or those that name something of it."""
    alone = next((each for each in others if covered(mask, [each])), None)
    if alone is not None:
        return [alone]
    return [each for each in others if not disjoint(mask, [each])]
