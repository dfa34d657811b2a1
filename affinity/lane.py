"""Lanes and their limits. A lane is (source IP, MX group), or the MX group alone if shared.

All rules that match a lane count, and of each limit the tightest holds, for all hosts of the route
together. An MX rule matches by the name of an MX host, or by one of the domains as its route lists
them: a rule for one domain of a wider route (``a.test`` under ``*.test``) does not count, because
the lane is the whole route's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from affinity.configuration import Configuration, MxRule, TlsMode
from affinity.mask import covers
from affinity.preset import PACING, Pacing
from affinity.rate import GENTLEST, Rate, rate_of
from affinity.route import Routes

SHARED: Final = "*"

_STRICTNESS: Final = ("required", "encrypted", "opportunistic", "off")


def _itself(value: Any) -> Any:
    return value


# How tight a value of each limit is: of several rules the one with the smallest number holds.
TIGHTEST: Final[Mapping[str, Callable[[Any], Any]]] = {
    "max_connections": _itself,
    "max_messages_per_connection": _itself,
    "messages_per_hour": _itself,
    "burst": _itself,
    "connect_timeout": _itself,
    "greeting_timeout": _itself,
    "data_timeout": _itself,
    "tls": _STRICTNESS.index,
    "pacing": GENTLEST.index,
}
_DEFAULT: Final = MxRule(mask="*")


@dataclass(frozen=True, slots=True)
class LaneKey:
    """Its text form, ``127.0.1.1>gmail`` or ``*>gmail``, names the lane everywhere."""

    source_ip: str | None
    mx_group: str

    @classmethod
    def parse(cls, text: str) -> "LaneKey":
        """The key of which this is the text form."""
        source_ip, separator, mx_group = text.partition(">")
        assert separator, f"{text!r} is no lane"
        return cls(None if source_ip == SHARED else source_ip, mx_group)

    def __str__(self) -> str:
        return f"{self.source_ip or SHARED}>{self.mx_group}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds on a lane; ``because`` tells for each limit the mask of the rule that set it."""

    max_connections: int | None = None
    max_messages_per_connection: int | None = None
    messages_per_hour: int | None = None
    pacing: Pacing = "even"
    rate: Rate | None = None
    shared: bool = False
    tls: TlsMode = _DEFAULT.tls
    connect_timeout: float = _DEFAULT.connect_timeout
    greeting_timeout: float = _DEFAULT.greeting_timeout
    data_timeout: float = _DEFAULT.data_timeout
    because: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_limited(self) -> bool:
        """Whether the lane must have exactly one owner, for its limits to be exact."""
        return self.max_connections is not None or self.rate is not None


def limits_for(
    rules: Sequence[MxRule],
    mx_host: str,
    mx_group: str,
    domains: Sequence[str],
    pacing: Pacing = "even",
) -> Limits:
    """Of each limit the tightest that a matching rule sets; defaults where none does.

    ``domains`` may hold more names of MX hosts. ``mx_group`` is matched as a domain where it is
    one, that is, where there is no route. ``pacing`` holds where no rule sets it, nor a burst.
    """
    names = {mx_host, *domains, *([mx_group] if "." in mx_group else [])}
    matching = [rule for rule in rules if concerns(rule, names)]
    found: dict[str, Any] = {}
    because: dict[str, str] = {}

    def take(name: str, order: Callable[[Any], Any]) -> None:
        setting = [rule for rule in matching if sets(rule, name)]
        if setting:
            tightest = min(setting, key=lambda rule: order(getattr(rule, name)))
            found[name], because[name] = getattr(tightest, name), tightest.mask

    for name, order in TIGHTEST.items():
        take(name, order)
    sharing = next((rule for rule in matching if rule.shared and is_limiting(rule)), None)
    if sharing is not None:
        found["shared"], because["shared"] = True, sharing.mask
    return Limits(**_with_rate(found, pacing), because=because)


def limits_of_group(configuration: Configuration, routes: Routes, mx_group: str) -> Limits:
    """The limits of an MX group's lanes by a whole configuration."""
    route = routes.route_for(mx_group)
    first, *others = routes.mx_hosts(mx_group)
    names = others if route is None else [*others, *route.domains]
    pacing = PACING[configuration.preset]
    return limits_for(configuration.mx_rule, first, mx_group, names, pacing)


def concerns(rule: MxRule, names: Iterable[str]) -> bool:
    """Whether a rule counts where these are the MX hosts, and the domains as their route has them.

    A wildcard of such a domain is a letter to the rule's mask.
    """
    return any(covers(rule.mask, name) for name in names)


def lane_of(source_ip: str, mx_group: str, limits: Limits) -> LaneKey:
    """The lane that mail from this IP to this group is on."""
    return LaneKey(None if limits.shared else source_ip, mx_group)


def sets(rule: MxRule, name: str) -> bool:
    """Whether the rule says anything of a limit."""
    return name in rule.model_fields_set and getattr(rule, name) is not None


def is_limiting(rule: MxRule) -> bool:
    """Whether the rule limits what a lane may do at all, so that it can be shared."""
    return rule.max_connections is not None or rule.messages_per_hour is not None


def _with_rate(found: dict[str, Any], default: Pacing) -> dict[str, Any]:
    """The same with ``rate`` in the place of ``burst``, which is nothing without a limit."""
    others = {name: value for name, value in found.items() if name != "burst"}
    per_hour, burst = found.get("messages_per_hour"), found.get("burst")
    if per_hour is None:
        return others
    pacing = found.get("pacing") or ("even" if burst else default)
    # The burst may be another rule's, and this rule the tighter one.
    rate = rate_of(per_hour, pacing, burst and min(burst, per_hour))
    return {**others, "pacing": pacing, "rate": rate}
