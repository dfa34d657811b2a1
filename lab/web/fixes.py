"""What sets pending mail free, by the cause that ``mtalab why`` found: the buttons of the page.

Pure: from a finding and the configuration to requests of our own API. Every cause has an entry,
which says whether a button mends it, somebody's hand does, or time alone.
"""

from collections.abc import Mapping
from typing import Final

from lab.web import fixes_of_configuration as by_file
from lab.web import fixes_of_running as by_hand
from lab.web.remedy import Around, Fix, Mends, Remedy
from mail.cause import Cause, Progress
from monitor.why.finding import Finding

_C, _M = Cause, Mends

REMEDIES: Final[Mapping[Cause, Remedy]] = {
    _C.DELIVERY_NOT_CONFIRMED: Remedy(
        _M.BUTTON,
        "Somebody has to confirm the delivery; or it is still being submitted.",
        "Confirm it. One that is still being submitted goes by itself.",
        by_hand.confirm,
    ),
    _C.CONTACT_DATE_AHEAD: Remedy(
        _M.TIME,
        "The delivery is to go at a date that lies ahead.",
        "Wait; or cancel it and submit it with an earlier date.",
    ),
    _C.WAVE_NOT_DUE: Remedy(
        _M.BUTTON,
        "The message belongs to a later wave of its delivery.",
        "Wait, or start the wave now.",
        by_hand.start_wave,
    ),
    _C.CONCURRENCY_LIMIT: Remedy(
        _M.BUTTON,
        "As many deliveries are under way as may be.",
        "Wait until one ends, or allow more of them.",
        by_file.allow_one_more,
        where="max_deliveries under [scheduler]",
    ),
    _C.DELIVERY_PAUSED: Remedy(
        _M.BUTTON, "Somebody paused the delivery.", "Resume it.", by_hand.resume_delivery
    ),
    _C.SCHEDULER_NOT_RUNNING: Remedy(
        _M.INSTRUCTION,
        "Nobody hands mail out: no scheduler runs.",
        "Start the lab on its machine.",
    ),
    _C.CLOCK_SKEW: Remedy(
        _M.INSTRUCTION,
        "Clocks of processes differ so much that leases mean nothing.",
        "Set the clocks of the machines alike, then restart what is behind or ahead.",
    ),
    _C.MTA_NOT_STARTED: Remedy(
        _M.BUTTON,
        "No MTA instance runs.",
        "Start those that were stopped by hand; otherwise start the lab on its machine.",
        by_hand.start_instances,
        page="/mtas",
    ),
    _C.AFFINITY_NOT_CONFIGURED: Remedy(
        _M.BUTTON,
        "Instances run, and none of them has the affinity of the delivery.",
        "Give the affinity to an instance. One that is not defined has to be defined first.",
        by_file.add_affinity,
        where="affinities under [mta.NAME]",
        page="/affinities",
    ),
    _C.AFFINITY_ON_STOPPED_MTA: Remedy(
        _M.BUTTON,
        "Only instances that do not run have the affinity of the delivery.",
        "Start one of them.",
        by_hand.start_instances,
        page="/mtas",
    ),
    _C.NO_SOURCE_IP_FOR_DOMAIN: Remedy(
        _M.INSTRUCTION,
        "The masks of the affinity leave no source IP for the domain.",
        "Take the domain out of exclude, or add it to include.",
        where="include and exclude of the source IPs under [affinity.NAME]",
        page="/affinities",
    ),
    _C.SOURCE_IPS_WEIGHTLESS: Remedy(
        _M.BUTTON,
        "The source IPs that may send it all have weight 0.",
        "Give one of them a weight.",
        by_file.give_weight,
        where="weight of the source IPs under [affinity.NAME]",
        page="/affinities",
    ),
    _C.SOURCE_IP_UNAVAILABLE: Remedy(
        _M.INSTRUCTION,
        "No host that runs a worker has the source IP.",
        "Add the address to the host, or take it out of the affinity.",
        where="the source IPs under [affinity.NAME]",
        page="/affinities",
    ),
    _C.ORPHANED_SOURCE_IP: Remedy(
        _M.INSTRUCTION,
        "It is planned for source IPs that its affinity no longer has.",
        "Have it planned anew, by the configuration as it is now.",
        page="/affinities",
    ),
    _C.LANE_SUSPENDED: Remedy(
        _M.BUTTON,
        "Somebody lets nothing go on the lane.",
        "Resume the lane.",
        by_hand.resume_lanes,
    ),
    _C.DESTINATION_BREAKER: Remedy(
        _M.BUTTON,
        "So much failed on the lane that it is shut for a while.",
        "Mend what the receiver complains of, then open the lane.",
        by_hand.open_lanes,
        where="[breaker]",
    ),
    _C.RATE_LIMITED: Remedy(
        _M.TIME,
        "The messages per hour of an MX rule are used up for now.",
        "Wait, or raise the limit.",
        where="messages_per_hour of that [[mx_rule]]",
    ),
    _C.CONNECTION_LIMIT: Remedy(
        _M.INSTRUCTION,
        "All connections that an MX rule allows are busy.",
        "Raise the limit, or find out why the receiver is slow.",
        by_hand.have_sinks_accept,
        where="max_connections of that [[mx_rule]]",
    ),
    _C.WARMUP_QUOTA: Remedy(
        _M.TIME,
        "What a new source IP may send on one day is used up.",
        "Wait for the next day, or give the affinity another source IP.",
        where="plan of that [[warmup]]",
        page="/affinities",
    ),
    _C.AFFINITY_QUOTA: Remedy(
        _M.TIME,
        "What the affinity may send on one day is used up.",
        "Wait for the next day, or raise the quota.",
        where="messages_per_day under [affinity.NAME]",
        page="/affinities",
    ),
    _C.RETRY_LATER: Remedy(
        _M.TIME,
        "The receiver put it off.",
        "Wait for the next attempt. If a sink of this lab puts it off, let that accept.",
        by_hand.have_sinks_accept,
        where="delays under [retry]",
    ),
    _C.GREYLISTED: Remedy(
        _M.TIME,
        "The receiver takes only a later attempt: it greylists.",
        "Wait for the next attempt.",
        by_hand.have_sinks_accept,
        where="delays under [retry]",
    ),
    _C.DESTINATION_UNREACHABLE: Remedy(
        _M.INSTRUCTION,
        "No connection to the receiver can be made.",
        "Start or mend the receiver, or correct the route.",
        by_hand.have_sinks_accept,
        where="host under [route.NAME], or allow_networks under [lab]",
        page="/sinks",
    ),
    _C.NO_MX: Remedy(
        _M.BUTTON,
        "No route leads to the domain, or its name cannot be resolved for now.",
        "Let a route lead there, or correct the domain.",
        by_file.route_there,
        where="domains under [route.NAME]",
    ),
    _C.TLS_REQUIRED_NOT_OFFERED: Remedy(
        _M.INSTRUCTION,
        "An MX rule demands TLS, and the receiver offers none.",
        "Let the receiver offer it, or demand it no longer.",
        by_hand.have_sinks_offer_tls,
        where="tls of that [[mx_rule]]",
    ),
    _C.RECEIVER_SLOW: Remedy(
        _M.INSTRUCTION,
        "A connection stands, and the receiver lets it wait.",
        "Ask why it is slow; or allow more connections.",
        by_hand.have_sinks_accept,
        where="connections under [mta.NAME]",
        page="/sinks",
    ),
    _C.LEASE_OF_DEAD_WORKER: Remedy(
        _M.TIME,
        "A worker that is gone or silent has it in hand.",
        "Wait: it is taken back when the lease is over.",
        page="/mtas",
    ),
    _C.WORKER_STALLED: Remedy(
        _M.BUTTON,
        "A worker lives, and gets nowhere with it.",
        "Stop its instance, then start it again. And please report it.",
        by_hand.stop_instance,
        page="/mtas",
    ),
    _C.WORKERS_BUSY: Remedy(
        _M.INSTRUCTION,
        "The workers that could take it hold as much as they may.",
        "Run more workers, or allow them more connections.",
        where="workers and connections under [mta.NAME]",
        page="/mtas",
    ),
    _C.BEHIND_OTHER_WORK: Remedy(
        _M.TIME,
        "Other deliveries' mail goes first.",
        "Wait for its turn; or run more workers.",
        where="workers under [mta.NAME]",
        page="/mtas",
    ),
    _C.STORE_UNWRITABLE: Remedy(
        _M.INSTRUCTION,
        "What happened cannot be recorded. Nothing is lost.",
        "Make room on the disk, end who holds the database, or start its server.",
    ),
    _C.OUTCOME_NOT_RECORDED: Remedy(
        _M.TIME,
        "It was tried; the outcome is in a journal that was not read yet.",
        "Wait: it is read when the worker's lease is over, or when its instance starts.",
        page="/mtas",
    ),
    _C.MESSAGE_TOO_LARGE: Remedy(
        _M.INSTRUCTION,
        "The receiver finds the message too large, for now.",
        "Send less, or let the receiver take larger messages.",
        by_hand.have_sinks_accept,
    ),
    _C.NO_PROGRESS: Remedy(
        _M.INSTRUCTION,
        "Nothing stops it, and nothing moves.",
        "Please report it, with what `mtalab why --json` and `mtalab status --json` say.",
    ),
}

ON_ITS_WAY: Final[Mapping[Progress, Remedy]] = {
    Progress.READY: Remedy(_M.TIME, "Nothing stops it: it waits for its turn.", "Wait."),
    Progress.IN_FLIGHT: Remedy(_M.TIME, "A worker is sending it.", "Wait."),
}


def remedy_of(found: Finding) -> Remedy:
    """What is known about the cause, or the progress, of a finding."""
    if found.cause is not None:
        return REMEDIES[found.cause]
    assert found.progress is not None, "a finding has a cause, or progress"
    return ON_ITS_WAY[found.progress]


def fixes_of(found: Finding, around: Around) -> tuple[Fix, ...]:
    """The buttons for a finding; none where nothing of ours can mend it."""
    return remedy_of(found).fixes(found, around)
