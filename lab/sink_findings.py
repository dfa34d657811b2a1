"""What is certain of sinks, personalities and the submission port from the configuration alone."""

from collections.abc import Iterator

from affinity.expected import nearest
from affinity.lane import limits_of_group
from affinity.lint.code import Code
from affinity.lint.finding import Finding
from affinity.route import Routes
from lab.configuration import LabConfiguration
from sinks.catalogue import built_in_personalities, personality_named


def sink_findings(configuration: LabConfiguration) -> Iterator[Finding]:
    """Personalities that nothing begins with, TLS that cannot be had, a port that takes no mail."""
    yield from _unused(configuration)
    yield from _without_tls(configuration)
    chosen = configuration.submission.affinity
    if configuration.submission.is_on and chosen and chosen not in configuration.affinity:
        yield Finding(
            Code.UNKNOWN_AFFINITY,
            ("submission", "affinity"),
            f"affinity {chosen!r} is not defined{nearest(chosen, configuration.affinity)}: mail "
            "that names none is refused",
            "Name one that there is, or leave the key out.",
        )


def _unused(configuration: LabConfiguration) -> Iterator[Finding]:
    own = configuration.personality
    used: set[str] = set()
    waiting = [each.personality for each in configuration.sink.values()]
    while waiting:
        name = waiting.pop()
        found = own.get(name) or built_in_personalities().get(name)
        if name not in used and found is not None:
            used.add(name)
            waiting += [found.extends] if found.extends else []
    for name in own:
        if name not in used:
            yield Finding(
                Code.PERSONALITY_UNUSED,
                ("personality", name),
                "no sink begins with this personality, and none that one begins with extends it",
                f'Give it to a sink (personality = "{name}"), unless it is for `mtalab sink set`.',
            )


def _without_tls(configuration: LabConfiguration) -> Iterator[Finding]:
    """Routes whose rules demand TLS and which lead to sinks alone that do not offer it."""
    routes = Routes(configuration.route)
    for group, route in configuration.route.items():
        limits = limits_of_group(configuration, routes, group)
        if limits.tls not in ("required", "encrypted"):
            continue
        sinks = [configuration.sink.get(each.sink or "") for each in route.places]
        certificates = [
            None
            if each is None
            else each.certificate
            or personality_named(each.personality, configuration.personality).certificate
            for each in sinks
        ]
        if all(each == "none" for each in certificates):
            names = ", ".join(dict.fromkeys(each.sink or "" for each in route.places))
            yield Finding(
                Code.STARTTLS_NOT_OFFERED,
                ("route", group),
                f"rule {limits.because['tls']} demands TLS ({limits.tls}), and sink {names} has no "
                "certificate: nothing is sent",
                'Give the sink a certificate (certificate = "good"), or let the rule demand less.',
            )
