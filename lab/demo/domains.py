"""Where the demo's mail goes: its receivers' domains, and those that masks name."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

from affinity.affinity import source_ips_for
from affinity.configuration import Affinity
from affinity.mask import matches
from mail.address import BadAddress, canonical_domain

OPEN: Final = "open"  # the route of the receiver that takes everything
DOMAINS: Final = (
    (f"{OPEN}.test", 6),
    ("grey.test", 3),
    ("rated.test", 3),
    ("vanished.test", 3),
    ("slow.test", 2),
    ("busy.test", 3),
)
_MASKED_MAX: Final = 12  # more would leave few messages for each


def open_to(affinity: Affinity, domains: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those of the domains that a source IP with a weight may send to."""
    return [
        each for each in domains if any(ip.weight > 0 for ip in source_ips_for(affinity, each[0]))
    ]


def domains_of_masks(affinities: Iterable[Affinity]) -> list[str]:
    """A domain for each mask that matches none of the demo's own, in file order, some at most."""
    masks = (mask for each in affinities for ip in each.ip for mask in (*ip.include, *ip.exclude))
    own = [domain for domain, _ in DOMAINS]
    found = (
        domain
        for mask in dict.fromkeys(masks)
        if not any(matches(mask, each) for each in own)
        if (domain := domain_of_mask(mask)) is not None
    )
    return list(itertools.islice(dict.fromkeys(found), _MASKED_MAX))


def domain_of_mask(mask: str) -> str | None:
    """A domain that a mask names: ``yahoo.*`` → ``yahoo.test``; None if none comes to mind."""
    text = mask
    if text.endswith(".*"):
        text = f"{text[:-1]}test"
    if text.startswith("*."):
        text = f"mail{text[1:]}"
    text = text.replace("*", "x").replace("?", "a")
    try:
        domain = canonical_domain(text)
    except BadAddress:
        return None
    return domain if matches(mask, domain) else None
