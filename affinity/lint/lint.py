"""All findings together."""

from collections.abc import Mapping

from affinity.configuration import Configuration
from affinity.lint.finding import Finding
from affinity.lint.instances import instances, unserved
from affinity.lint.masks import masks
from affinity.lint.reach import families, names, reach
from affinity.lint.retries import retries
from affinity.lint.routed import routed
from affinity.lint.routes import routes
from affinity.lint.rules import rules
from affinity.lint.warmups import warmups


def lint(
    configuration: Configuration,
    sinks: Mapping[str, str] | None = None,
    longest_validity_s: float | None = None,
) -> list[Finding]:
    """All that is certain, instances first, then affinities, routes and rules.

    Args:
        configuration: as it was read.
        sinks: where those that are configured listen (address:port), by name.
        longest_validity_s: of a message whose submission says nothing; None: the configured one.
    """
    sinks = sinks or {}
    longest_s = configuration.validity if longest_validity_s is None else longest_validity_s
    every = list(routed(configuration))
    return [
        *instances(configuration),
        *unserved(configuration),
        *reach(configuration, every),
        *masks(configuration),
        *families(configuration, sinks, every),
        *names(configuration),
        *routes(configuration, sinks),
        *rules(configuration),
        *retries(configuration, longest_s),
        *warmups(configuration),
    ]
