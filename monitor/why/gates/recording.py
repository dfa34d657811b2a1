"""``store_unwritable`` and ``outcome_not_recorded``: what is known cannot be written down."""

from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.gates.workers import lease_over_at
from monitor.why.group import Group, Stand


def writable(group: Group, facts: Facts) -> Stop | None:
    hand = group.hand
    worker = None if hand is None else hand.worker
    heard = worker is not None and facts.is_heard(worker)
    if worker is not None and heard and worker.trouble is not None:
        return Stop(
            f"mta@{worker.instance}-{worker.id} cannot record outcomes: {worker.trouble}",
            "Make room on the disk, or make the store writable again; nothing is lost.",
            {
                "worker": f"mta@{worker.instance}-{worker.id}",
                "error": worker.trouble,
                "backlog": worker.backlog,
                "journal": worker.journal,
            },
        )
    trouble = facts.seen.store_trouble
    if trouble is None or (hand is not None and hand.stand is Stand.KNOWN and not heard):
        return None
    backlog = sum(len(each.message_ids) for each in facts.seen.journals.values())
    return Stop(
        f"the store cannot be written: {trouble}",
        "Make room on the disk, end whoever holds it locked, or start its server; nothing is lost.",
        {"error": trouble, "backlog": backlog},
    )


def recorded(group: Group, facts: Facts) -> Stop | None:
    hand = group.hand
    if hand is None or hand.stand is not Stand.KNOWN:
        return None
    known = facts.seen.journals[hand.worker_id]
    host = "this machine" if hand.worker is None else hand.worker.host
    return Stop(
        f"it was tried; its outcome is in the journal of {hand.name}, not yet in the store",
        "Wait: the journal is read when the worker's lease is over, or when its instance starts.",
        {"journal": known.journal, "host": host, "outcomes": len(known.message_ids)},
        until=max(facts.now, lease_over_at(group, facts)),
    )
