"""Lanes and their limits. A lane is (source IP, MX group), or the MX group alone if shared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from affinity.configuration import Configuration, MxRule
from affinity.gcra import Gcra
from affinity.mask import matches
from affinity.route import Routes

SHARED: Final = "*"
_LIMITS: Final = ("max_connections", "messages_per_hour")
_STRICTNESS: Final = ("off", "opportunistic", "required")


@dataclass(frozen=True, slots=True)
class LaneKey:
    """Its text form, ``127.0.1.1>gmail`` or ``*>gmail``, names the lane everywhere."""

    source_ip: str | None
    mx_group: str

    def __str__(self) -> str:
        return f"{self.source_ip or SHARED}>{self.mx_group}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds on a lane; ``because`` tells for each limit the mask of the rule that set it."""

    max_connections: int | None = None
    max_messages_per_connection: int | None = None
    messages_per_hour: int | None = None
    rate: Gcra | None = None
    shared: bool = False
    tls: Literal["off", "opportunistic", "required"] = "opportunistic"
    connect_timeout: float = 10.0
    greeting_timeout: float = 60.0
    data_timeout: float = 240.0
    because: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_limited(self) -> bool:
        """Whether the lane must have exactly one owner."""
        return self.max_connections is not None or self.rate is not None


def limits_for(
    rules: Sequence[MxRule], mx_host: str, mx_group: str, domains: Sequence[str]
) -> Limits:
    """Of each limit the tightest that a matching rule sets; defaults where none does."""
    names = (mx_host, mx_group, *domains)
    matching = [rule for rule in rules if any(matches(rule.mask, name) for name in names)]
    because: dict[str, str] = {}
    found: dict[str, Any] = {}

    def take(name: str, tightness: Callable[[Any], Any]) -> None:
        setting = [
            rule
            for rule in matching
            if name in rule.model_fields_set and getattr(rule, name) is not None
        ]
        if setting:
            tightest = min(setting, key=lambda rule: tightness(getattr(rule, name)))
            found[name] = getattr(tightest, name)
            because[name] = tightest.mask

    for name in (
        "max_connections",
        "max_messages_per_connection",
        "messages_per_hour",
        "connect_timeout",
        "greeting_timeout",
        "data_timeout",
    ):
        take(name, lambda value: value)
    take("tls", lambda value: -_STRICTNESS.index(value))
    sharing = [
        rule
        for rule in matching
        if rule.shared and any(getattr(rule, name) is not None for name in _LIMITS)
    ]
    if sharing:
        found["shared"] = True
        because["shared"] = sharing[0].mask
    if "messages_per_hour" in found:
        bursts = [
            rule.burst for rule in matching if rule.burst and rule.messages_per_hour is not None
        ]
        burst = min((*bursts, found["messages_per_hour"])) if bursts else None
        found["rate"] = Gcra.per_hour(found["messages_per_hour"], burst)
    return Limits(**found, because=because)


def limits_of_group(configuration: Configuration, routes: Routes, mx_group: str) -> Limits:
    """The limits of an MX group's lanes by a whole configuration."""
    route = routes.route_for(mx_group)
    domains = () if route is None else route.domains
    return limits_for(configuration.mx_rule, routes.mx_host(mx_group), mx_group, domains)


def lane_of(source_ip: str, mx_group: str, limits: Limits) -> LaneKey:
    """The lane that mail from this IP to this group is on."""
    return LaneKey(None if limits.shared else source_ip, mx_group)
