"""What a person takes a link for: by what is written on it, and by where it leads."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mail.tracked import Kind
from tracking.readers.arrivals import Original
from tracking.readers.assigning import is_named
from tracking.readers.page import Link
from tracking.token import Token, claimed

_OPT_OUT: Final = ("*unsubscri*", "*opt-out*", "*optout*", "*opt out*", "*abmeld*", "*abbestell*",
                   "*desinscri*", "*désinscri*", "*désabonn*")  # fmt: skip
_MIRROR: Final = ("*in your browser*", "*in browser*", "*view online*", "*online version*",
                  "*mirror*", "*im browser*")  # fmt: skip


class Role(StrEnum):
    """What it is there for."""

    CLICK = "click"
    OPT_OUT = "opt_out"
    MIRROR = "mirror"


class Claim(NamedTuple):
    """What a tracked URL says of itself."""

    door: str  # r: a link or the pixel; u: unsubscribing; m: the mirror page
    token: Token


def claim_of(url: str) -> Claim | None:
    """What a URL says, if it looks like a tracked one; whoever wrote it."""
    try:
        words = urlsplit(url).path.split("/")
    except ValueError:
        return None
    if len(words) < 3 or words[-2] not in ("r", "u", "m"):
        return None
    token = claimed(words[-1])
    return None if token is None else Claim(words[-2], token)


def original_of(url: str, originals: Mapping[int, Original]) -> Original | None:
    """What it was before it was tracked, if that is known."""
    claim = claim_of(url)
    return None if claim is None else originals.get(claim.token.url)


def role_of(link: Link, originals: Mapping[int, Original]) -> Role:
    """What a person would take it for."""
    claim, original = claim_of(link.url), original_of(link.url, originals)
    if original is not None:
        kinds = {Kind.OPT_OUT: Role.OPT_OUT, Kind.MIRROR: Role.MIRROR}
        return kinds.get(Kind(original.kind), Role.CLICK)
    if claim is not None and claim.door != "r":
        return Role.OPT_OUT if claim.door == "u" else Role.MIRROR
    for masks, role in ((_OPT_OUT, Role.OPT_OUT), (_MIRROR, Role.MIRROR)):
        if is_named(masks, link.text) or is_named(masks, link.url):
            return role
    return Role.CLICK


def weight_of(link: Link, weights: Mapping[str, float], originals: Mapping[int, Original]) -> float:
    """How likely it is clicked, among others."""
    original = original_of(link.url, originals)
    known = (link.text, link.url, *(original[:2] if original else ()))
    for mask, weight in weights.items():
        if any(is_named((mask,), each) for each in known):
            return weight
    return 1.0
