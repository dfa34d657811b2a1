"""The door: why what is pending is pending, of one message, of one delivery or of all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from affinity.configuration import Configuration
from mail.cause import Progress
from mail.notation import said_duration
from monitor.why import gather
from monitor.why.chain import is_to_be_ended, steps, walk
from monitor.why.facts import RATE_OVER_S, Facts
from monitor.why.features import features_of
from monitor.why.finding import Diagnosis, Finding, causes
from monitor.why.gates.line import place_in_line
from monitor.why.group import Group, Place, Stand
from monitor.why.host import HostFacts
from monitor.why.one_message import group_of
from store import deliveries, log, pending, pending_one, pending_plans, queues
from store.engine import Store, Tx

__all__ = ["Diagnosis", "Finding", "HostFacts", "causes", "diagnose"]

NOTHING_SEEN: Final = HostFacts()
LAST_WORDS: Final = 100  # groups of deferred messages, the largest, whose last reply is shown


def diagnose(
    store: Store,
    configuration: Configuration,
    now: float,
    *,
    delivery: int | None = None,
    message: int | None = None,
    seen: HostFacts = NOTHING_SEEN,
) -> Diagnosis:
    """Why messages are pending; everything is read in one view of the store, and nothing written.

    Raises:
        UnknownDelivery, UnknownMessage: there is none of that number.
    """
    return store.read_now(_diagnose, configuration, now, delivery, message, seen)


def _diagnose(
    tx: Tx,
    configuration: Configuration,
    now: float,
    delivery: int | None,
    message: int | None,
    seen: HostFacts,
) -> Diagnosis:
    tx.dialect.hold_view(tx.connection)
    if message is not None:
        delivery = log.message(tx, message)[0].delivery_id
    if delivery is not None:
        deliveries.get(tx, delivery)
    view = pending.view(tx, now, delivery)
    paused = [each.id for each in view.deliveries.values() if each.status == "paused"]
    facts = Facts(
        now,
        configuration,
        view,
        seen=seen,
        traffic=queues.traffic(tx, since=now - RATE_OVER_S),
        pauses=pending.pauses(tx, paused),
        features=features_of(tx, view, configuration, now),
    )
    details = _details(tx, view, facts)
    if message is not None:
        found = group_of(tx, message, view, details, facts)
        if found is None:
            return Diagnosis(now, ())
        return Diagnosis(now, (finding(found, facts),), tuple(steps(found, facts)))
    groups = gather.groups(view, details, facts, delivery)
    return Diagnosis(now, tuple(finding(each, facts) for each in groups))


def _details(tx: Tx, view: pending.View, facts: Facts) -> gather.Details:
    concerned = {each.delivery_id for each in view.retrying}
    concerned |= {each.delivery_id for each in view.queued if not each.source_ips}
    plans: dict[tuple[int, str], list[pending_plans.Plan]] = {}
    for plan in pending_plans.plans(tx, concerned):
        plans.setdefault((plan.delivery_id, plan.mx_group), []).append(plan)
    mixed = [
        each for each in view.retrying if len(plans.get((each.delivery_id, each.mx_group), ())) > 1
    ]
    largest = sorted(view.retrying, key=lambda each: -each.messages)[:LAST_WORDS]
    last: dict[pending.Retrying, pending_one.Last] = {}
    for each in largest:
        word = pending_one.last_word(tx, each.delivery_id, each.mx_group, each.cause)
        if word is not None:
            last[each] = word
    return gather.Details(
        plans,
        {
            each: pending_plans.retries_by_plan(
                tx, each.delivery_id, each.mx_group, each.cause, facts.now
            )
            for each in mixed
        },
        last,
        pending.queued_since(tx, [each.first_part for each in view.queued]),
        _known(tx, facts.seen),
    )


def _known(tx: Tx, seen: HostFacts) -> Mapping[int, int]:
    found: dict[int, int] = {}
    for worker_id, journal in seen.journals.items():
        for each in pending_one.unrecorded(tx, worker_id, journal.message_ids):
            found[each.part_id] = each.messages
    return found


def finding(group: Group, facts: Facts) -> Finding:
    """What the gates say of a group."""
    found = walk(group, facts)
    hand = group.hand
    bare = Finding(
        cause=found.cause,
        progress=None,
        messages=group.messages,
        delivery_id=group.delivery.id,
        mx_group=group.mx_group,
        place=str(group.place),
        lane=None if hand is None else hand.lane,
        worker=None if hand is None else hand.name,
        words="",
        evidence={},
        fix="",
        command=None,
        earliest_at=found.earliest_at,
        blocked=False,
        also=found.also,
    )
    stop = found.stop
    if stop is not None:
        return replace(
            bare,
            words=stop.words,
            evidence=stop.evidence,
            fix=stop.fix,
            command=stop.command,
            blocked=stop.is_blocked,
        )
    progress, words, evidence = _progress(group, facts)
    return replace(bare, progress=progress, words=words, evidence=evidence)


def _progress(group: Group, facts: Facts) -> tuple[Progress, str, Mapping[str, object]]:
    hand = group.hand
    if hand is not None and hand.stand is not Stand.WAITING:
        words = f"being sent by {hand.name} from {hand.source_ip}"
        return Progress.IN_FLIGHT, words, {"worker": hand.name, "lane": hand.lane}
    if is_to_be_ended(group, facts.now):
        why = "past its validity" if group.delivery.expires_at <= facts.now else "cancelled"
        return Progress.READY, f"{why}: about to be ended", {}
    line = place_in_line(group, facts)
    turn = "waiting its turn"
    if hand is not None:
        turn = f"waiting its turn at {hand.name}"
    elif group.first_part is None and group.place is Place.QUEUED:
        turn = "due, about to be handed out"
    ahead, per_second, expected_s = line["ahead"], line["per_second"], line["expected_s"]
    if ahead:
        turn += f": {ahead} messages are before it"
        if expected_s:
            turn += f", at {per_second:.3g}/s about {said_duration(expected_s)}"
    return Progress.READY, turn + _pace(group, facts), line


def _pace(group: Group, facts: Facts) -> str:
    limits = facts.limits(group.mx_group)
    if limits.messages_per_hour is None:
        return ""
    whom = "all source IPs together" if limits.shared else "each source IP"
    slots = " in slots of five minutes" if limits.pacing == "slots" else ""
    return (
        f": {limits.messages_per_hour} messages an hour{slots} from {whom} "
        f"(MX rule {limits.because['messages_per_hour']})"
    )
