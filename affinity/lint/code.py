"""The codes of findings. They are stable: CI jobs ignore and expect them by name."""

from enum import StrEnum
from typing import Final, Literal

Severity = Literal["error", "warning"]


class Code(StrEnum):
    """What is wrong; where it foretells why mail will be stuck, the name is that of the cause."""

    # Instances and affinities
    NO_INSTANCE = "no_instance"
    UNKNOWN_AFFINITY = "unknown_affinity"
    AFFINITY_NOT_SERVED = "affinity_not_served"
    SOURCE_IP_NOT_OWNED = "source_ip_not_owned"
    AFFINITY_WEIGHTLESS = "affinity_weightless"
    AFFINITY_SENDS_NOTHING = "affinity_sends_nothing"
    NO_SOURCE_IP_FOR_DOMAIN = "no_source_ip_for_domain"
    NO_SOURCE_IP_FOR_SOME = "no_source_ip_for_some"
    SOURCE_IPS_WEIGHTLESS = "source_ips_weightless"
    SOURCE_IP_IDLE = "source_ip_idle"
    ADDRESS_FAMILY = "address_family"
    HELO_DIFFERS = "helo_differs"
    # Masks
    INCLUDE_WITHOUT_ROUTE = "include_without_route"
    INCLUDE_EXCLUDED = "include_excluded"
    EXCLUDE_UNNEEDED = "exclude_unneeded"
    MASK_REDUNDANT = "mask_redundant"
    # Routes and receivers
    NO_ROUTE = "no_route"
    UNKNOWN_SINK = "unknown_sink"
    OUTSIDE_NETWORK = "outside_network"
    ROUTE_DOMAIN_SHADOWED = "route_domain_shadowed"
    SINK_UNUSED = "sink_unused"
    SINK_EXPOSED = "sink_exposed"
    PERSONALITY_UNUSED = "personality_unused"
    STARTTLS_NOT_OFFERED = "starttls_not_offered"
    # Limits and retries
    RULE_UNMATCHED = "rule_unmatched"
    LIMIT_OVERRIDDEN = "limit_overridden"
    LIMIT_WITHOUT_RATE = "limit_without_rate"
    SHARED_WITHOUT_LIMIT = "shared_without_limit"
    CONNECTIONS_OVERRIDDEN = "connections_overridden"
    RETRY_BEYOND_VALIDITY = "retry_beyond_validity"
    WARMUP_IP_UNUSED = "warmup_ip_unused"
    WARMUP_UNMATCHED = "warmup_unmatched"
    # What depends on the machine: for `config check` and `doctor`, never for `lint`
    SOURCE_IP_UNAVAILABLE = "source_ip_unavailable"
    UNUSABLE_FILE = "unusable_file"
    SECRET_READABLE = "secret_readable"  # noqa: S105 - a word, no secret

    @property
    def severity(self) -> Severity:
        """``error``: something cannot work; ``warning``: it hardly is what was meant."""
        return "error" if self in _ERRORS else "warning"


_ERRORS: Final = frozenset(
    {
        Code.NO_INSTANCE,
        Code.UNKNOWN_AFFINITY,
        Code.AFFINITY_WEIGHTLESS,
        Code.AFFINITY_SENDS_NOTHING,
        Code.ADDRESS_FAMILY,
        Code.NO_ROUTE,
        Code.UNKNOWN_SINK,
        Code.OUTSIDE_NETWORK,
        Code.STARTTLS_NOT_OFFERED,
        Code.SOURCE_IP_UNAVAILABLE,
        Code.UNUSABLE_FILE,
    }
)
