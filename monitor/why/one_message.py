"""One message as a group of its own: where it is, and what is before it."""

from dataclasses import replace

from monitor.why import gather
from monitor.why.facts import Facts
from monitor.why.group import Group, Place, Stand, Wave
from store import log, pending, pending_one
from store.engine import Tx
from store.parts import LEASED
from store.pending import View


def group_of(
    tx: Tx, message_id: int, view: View, details: gather.Details, facts: Facts
) -> Group | None:
    """The group of a pending message; None if it is not pending.

    Raises:
        UnknownMessage: there is none of that number.
    """
    message, _ = log.message(tx, message_id)
    place = pending_one.place_of(tx, message_id)
    if place is None:
        return None
    delivery = view.deliveries[message.delivery_id]
    one = Group(
        Place.QUEUED,
        delivery,
        message.mx_group,
        1,
        place.source_ips
        or gather.admitted(view, facts, delivery.id, message.mx_group, message.domain),
        domain=message.domain,
        message_id=message_id,
        ahead=place.parts_ahead + place.ahead_in_part,
    )
    if place.part_id is None:
        due_at = message.next_attempt_at or 0.0
        reason = None if message.reason is None else message.reason.label
        last = pending_one.Last(
            message_id,
            message.attempts,
            message.reply or "",
            reason,
            message.source_ip,
            message.changed_at,
        )
        return replace(
            one,
            place=Place.RETRYING if due_at > facts.now else Place.QUEUED,
            due_at=due_at,
            waits_for=place.cause,
            wave=None
            if message.attempts or due_at <= facts.now
            else gather.awaited_wave(view, delivery.id, due_at),
            last=last if message.attempts else None,
            ahead=0,
        )
    if place.state != LEASED:
        queued_at = pending.queued_since(tx, [place.part_id]).get(place.part_id)
        starts_at = None if place.wave is None else view.waves.get((delivery.id, place.wave))
        wave = None if place.wave is None or starts_at is None else Wave(place.wave, starts_at)
        return replace(one, first_part=place.part_id, queued_at=queued_at, wave=wave)
    return _in_hand(one, place, view, details, facts)


def _in_hand(
    one: Group, place: pending_one.Place, view: View, details: gather.Details, facts: Facts
) -> Group:
    key = place.worker_id, place.lane, place.source_ip
    beside = [each for each in view.lent if (each.worker_id, each.lane, each.source_ip) == key]
    mine = next(each for each in beside if each.part_id == place.part_id)
    report = next(
        (each for each in view.reports if (each.worker_id, each.lane, each.source_ip) == key), None
    )
    journal = facts.seen.journals.get(mine.worker_id)
    stand, ahead = Stand.UNTOLD, 0
    if journal is not None and one.message_id in journal.message_ids:
        stand = Stand.KNOWN
    else:
        # Those of its part that wait are its last ones.
        behind = mine.messages - details.known.get(mine.part_id, 0) - place.ahead_in_part - 1
        after = 0
        for part, each, count in gather.stands(beside, report, details.known, facts):
            if part.part_id == mine.part_id and each is not Stand.KNOWN:
                stand = each
                if behind < count:
                    after += behind
                    break
                behind -= count
            after += count if each is Stand.WAITING else 0
        if stand is Stand.WAITING and report is not None:
            ahead = max(0, report.waiting - after - 1)
    return replace(
        one,
        place=Place.IN_HAND,
        planned=(mine.source_ip,),
        hand=gather.hand([mine], stand, facts),
        ahead=ahead,
    )
