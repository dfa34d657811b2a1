"""MX rules that are never used, and limits of theirs that never hold."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from affinity.configuration import Configuration, MxRule
from affinity.key_path import KeyPath
from affinity.lane import TIGHTEST, Limits, concerns, is_limiting, limits_of_group, sets
from affinity.lint.code import Code
from affinity.lint.finding import Finding
from affinity.mask import covers, is_pattern
from affinity.route import Routes

_OF_A_RATE: Final = ("burst", "pacing")


def rules(configuration: Configuration) -> Iterator[Finding]:
    """Each rule, in file order; then settings of instances that rules take the place of."""
    routes = Routes(configuration.route)
    groups = {
        group: (*routes.mx_hosts(group), *route.domains)
        for group, route in configuration.route.items()
    }
    limits = {group: limits_of_group(configuration, routes, group) for group in groups}
    for index, rule in enumerate(configuration.mx_rule):
        matched = [group for group, names in groups.items() if concerns(rule, names)]
        if not matched:
            yield _unmatched(index, rule, groups)
            continue
        others = {
            group: [
                (place, each)
                for place, each in enumerate(configuration.mx_rule)
                if place != index and concerns(each, groups[group])
            ]
            for group in matched
        }
        yield from _overridden(index, rule, others)
        yield from _without_rate(index, rule, [limits[group] for group in matched])
    yield from _connections(configuration, list(limits.values()))


def _unmatched(index: int, rule: MxRule, groups: Mapping[str, Sequence[str]]) -> Finding:
    names = [name for each in groups.values() for name in each]
    wider = [name for name in names if is_pattern(name) and covers(name, rule.mask)]
    remedy = "Correct the mask, or remove the rule."
    if wider:
        remedy = f"It is only a part of {wider[0]}: give it a route of its own."
    return Finding(
        Code.RULE_UNMATCHED,
        ("mx_rule", index),
        f"{rule.mask} matches no route's MX host and no route's domain: the rule is never used",
        remedy,
    )


def _overridden(
    index: int, rule: MxRule, others: Mapping[str, Sequence[tuple[int, MxRule]]]
) -> Iterator[Finding]:
    """Limits of a rule for which another has a tighter value wherever the rule counts."""
    for name, order in TIGHTEST.items():
        if not sets(rule, name):
            continue
        mine = (order(getattr(rule, name)), index)
        tighter: dict[str, MxRule] = {}
        for group, rivals in others.items():
            found = [
                (order(getattr(each, name)), place, each)
                for place, each in rivals
                if sets(each, name) and (order(getattr(each, name)), place) < mine
            ]
            if found:
                tighter[group] = min(found, key=lambda each: each[:2])[2]
        if len(tighter) == len(others):
            by = dict.fromkeys((each.mask, getattr(each, name)) for each in tighter.values())
            said = " and ".join(f"rule {mask} ({_shown(value)})" for mask, value in by)
            yield Finding(
                Code.LIMIT_OVERRIDDEN,
                ("mx_rule", index, name),
                f"{name} = {_shown(getattr(rule, name))} of {rule.mask} never holds: wherever the "
                f"rule counts, so {'does' if len(by) == 1 else 'do'} {said}",
                "Of each limit the tightest value wins: tighten this one, or take it out.",
            )


def _shown(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _without_rate(index: int, rule: MxRule, limits: Sequence[Limits]) -> Iterator[Finding]:
    """How an hour's messages go, where nothing says how many they are."""
    path: KeyPath = ("mx_rule", index)
    for name in _OF_A_RATE:
        if sets(rule, name) and all(each.messages_per_hour is None for each in limits):
            yield Finding(
                Code.LIMIT_WITHOUT_RATE,
                (*path, name),
                f"{name} of {rule.mask} does nothing: no rule that counts there has "
                "messages_per_hour",
                f"Add messages_per_hour, or take {name} out.",
            )
    tightest = [each.messages_per_hour for each in limits if each.messages_per_hour is not None]
    if rule.burst is not None and len(tightest) == len(limits) and rule.burst > max(tightest):
        yield Finding(
            Code.LIMIT_OVERRIDDEN,
            (*path, "burst"),
            f"a burst of {rule.burst} never comes: no more than {max(tightest)} messages an hour "
            f"may go wherever {rule.mask} counts",
            "Lower the burst, or take it out.",
        )
    if rule.shared and not is_limiting(rule):
        yield Finding(
            Code.SHARED_WITHOUT_LIMIT,
            (*path, "shared"),
            f"{rule.mask} shares nothing: it has neither max_connections nor messages_per_hour",
            "Put shared into the rule that has the limit.",
        )


def _connections(configuration: Configuration, limits: Sequence[Limits]) -> Iterator[Finding]:
    if not limits or any(each.max_connections is None for each in limits):
        return
    for name, instance in configuration.mta.items():
        if "connections" in instance.model_fields_set:
            yield Finding(
                Code.CONNECTIONS_OVERRIDDEN,
                ("mta", name, "connections"),
                f"connections = {instance.connections} is never used: MX rules have "
                "max_connections for every route",
                "Take it out, or narrow the rules.",
            )
