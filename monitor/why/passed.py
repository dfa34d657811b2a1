"""What is seen at a gate that a message passes: the evidence for its being no cause."""

from collections.abc import Callable, Mapping
from typing import Final

from affinity.warmup import account_of
from mail.cause import Cause
from mail.notation import said_duration
from monitor.why.facts import Facts, heard_at
from monitor.why.gates.source_ips import able
from monitor.why.group import Group, Place

Told = Callable[[Group, Facts], str]


def _contact_date(group: Group, facts: Facts) -> str:
    return f"it was {said_duration(facts.now - group.delivery.contact_at)} ago"


def _wave(group: Group, facts: Facts) -> str:
    return "its wave has begun, or its delivery goes in one"


def _concurrency(group: Group, facts: Facts) -> str:
    found = facts.features.concurrency
    return (
        "no limit is set" if found is None else f"{len(found.running)} of {found.limit} under way"
    )


def _scheduler(group: Group, facts: Facts) -> str:
    found = facts.scheduler
    if not facts.is_scheduling or found is None:
        return "a worker has it already"
    return f"last heard {said_duration(max(0.0, facts.now - found.heartbeat_at))} ago"


def _instances(group: Group, facts: Facts) -> str:
    ages = [facts.now - heard_at(each) for each in facts.workers]
    if not ages:
        return "its instance runs"
    return f"{len(ages)} workers, heard within {said_duration(max(0.0, *ages, 0.0))}"


def _affinity(group: Group, facts: Facts) -> str:
    names = [f"mta@{each.instance}-{each.id}" for each in facts.serving(group.delivery.affinity)]
    return f"{group.delivery.affinity!r} is served by {', '.join(names) or 'its instance'}"


def _planned(group: Group, facts: Facts) -> str:
    return f"the masks admit {', '.join(group.planned)}"


def _able(group: Group, facts: Facts) -> str:
    return f"it may leave from {', '.join(able(group, facts))}"


def _suspension(group: Group, facts: Facts) -> str:
    lanes = {facts.way(ip, group.mx_group).lane for ip in able(group, facts)}
    return f"open: {', '.join(sorted(lanes))}"


def _rate(group: Group, facts: Facts) -> str:
    limits = facts.limits(group.mx_group)
    if limits.messages_per_hour is None:
        return "no MX rule limits messages per hour"
    rule = limits.because["messages_per_hour"]
    return f"{limits.messages_per_hour} an hour (MX rule {rule}) are not used up"


def _connections(group: Group, facts: Facts) -> str:
    limits = facts.limits(group.mx_group)
    if limits.max_connections is None:
        return "no MX rule limits connections"
    rule = limits.because["max_connections"]
    return f"{limits.max_connections} allowed (MX rule {rule}), or it has one"


def _affinity_quota(group: Group, facts: Facts) -> str:
    found = facts.features.quotas.get(account_of(group.delivery.affinity))
    if found is None:
        return "its affinity has no quota"
    return f"{found.used} of {found.quota} messages of today are spent"


def _retry(group: Group, facts: Facts) -> str:
    if group.place is Place.RETRYING:
        return f"it waits for another cause: {group.waits_for}"
    return "no next attempt lies ahead"


def _route(group: Group, facts: Facts) -> str:
    return f"route {group.mx_group} leads there"


def _lease(group: Group, facts: Facts) -> str:
    return "nobody has it" if group.hand is None else f"{group.hand.name} has it, and lives"


def _writable(group: Group, facts: Facts) -> str:
    return "nobody tells of trouble"


_TOLD: Final[Mapping[Cause, Told]] = {
    Cause.DELIVERY_NOT_CONFIRMED: lambda group, _: f"the delivery is {group.delivery.status}",
    Cause.CONTACT_DATE_AHEAD: _contact_date,
    Cause.WAVE_NOT_DUE: _wave,
    Cause.CONCURRENCY_LIMIT: _concurrency,
    Cause.DELIVERY_PAUSED: lambda group, _: f"the delivery is {group.delivery.status}",
    Cause.SCHEDULER_NOT_RUNNING: _scheduler,
    Cause.CLOCK_SKEW: lambda *_: "no clock is seen to be off",
    Cause.MTA_NOT_STARTED: _instances,
    Cause.AFFINITY_NOT_CONFIGURED: _affinity,
    Cause.AFFINITY_ON_STOPPED_MTA: _affinity,
    Cause.NO_SOURCE_IP_FOR_DOMAIN: _planned,
    Cause.SOURCE_IPS_WEIGHTLESS: _able,
    Cause.SOURCE_IP_UNAVAILABLE: _able,
    Cause.ORPHANED_SOURCE_IP: _able,
    Cause.LANE_SUSPENDED: _suspension,
    Cause.DESTINATION_BREAKER: lambda *_: "no breaker is shut",
    Cause.RATE_LIMITED: _rate,
    Cause.CONNECTION_LIMIT: _connections,
    Cause.WARMUP_QUOTA: lambda *_: "no quota is used up",
    Cause.AFFINITY_QUOTA: _affinity_quota,
    Cause.RETRY_LATER: _retry,
    Cause.GREYLISTED: _retry,
    Cause.DESTINATION_UNREACHABLE: lambda *_: "no worker tells of a failure to connect",
    Cause.NO_MX: _route,
    Cause.TLS_REQUIRED_NOT_OFFERED: lambda *_: "no worker tells of TLS that is not offered",
    Cause.RECEIVER_SLOW: lambda *_: "no connection waits for long",
    Cause.LEASE_OF_DEAD_WORKER: _lease,
    Cause.WORKER_STALLED: _lease,
    Cause.WORKERS_BUSY: lambda *_: "a worker has it, or has room, or makes some soon",
    Cause.BEHIND_OTHER_WORK: lambda *_: "no other delivery is before it",
    Cause.STORE_UNWRITABLE: _writable,
    Cause.OUTCOME_NOT_RECORDED: lambda *_: "no journal has an outcome of it",
    Cause.MESSAGE_TOO_LARGE: _retry,
    Cause.NO_PROGRESS: lambda *_: "something moved within a minute",
}


def told(cause: Cause, group: Group, facts: Facts) -> str:
    """In words."""
    return _TOLD[cause](group, facts)
