"""Why a message is pending: the causes, in the order in which their gates stand.

The codes are stable: they stand in JSON, in expectations of scenarios and in the event log.
``docs/stuck-pending.md`` says of each how it is seen, made and mended.
"""

from enum import StrEnum


class Cause(StrEnum):
    """The first gate, from the outside in, that a message does not pass."""

    DELIVERY_NOT_CONFIRMED = "delivery_not_confirmed"
    CONTACT_DATE_AHEAD = "contact_date_ahead"
    WAVE_NOT_DUE = "wave_not_due"
    CONCURRENCY_LIMIT = "concurrency_limit"
    DELIVERY_PAUSED = "delivery_paused"
    SCHEDULER_NOT_RUNNING = "scheduler_not_running"
    CLOCK_SKEW = "clock_skew"
    MTA_NOT_STARTED = "mta_not_started"
    AFFINITY_NOT_CONFIGURED = "affinity_not_configured"
    AFFINITY_ON_STOPPED_MTA = "affinity_on_stopped_mta"
    NO_SOURCE_IP_FOR_DOMAIN = "no_source_ip_for_domain"
    SOURCE_IPS_WEIGHTLESS = "source_ips_weightless"
    SOURCE_IP_UNAVAILABLE = "source_ip_unavailable"
    ORPHANED_SOURCE_IP = "orphaned_source_ip"
    LANE_SUSPENDED = "lane_suspended"
    DESTINATION_BREAKER = "destination_breaker"
    RATE_LIMITED = "rate_limited"
    CONNECTION_LIMIT = "connection_limit"
    WARMUP_QUOTA = "warmup_quota"
    AFFINITY_QUOTA = "affinity_quota"
    RETRY_LATER = "retry_later"
    GREYLISTED = "greylisted"
    DESTINATION_UNREACHABLE = "destination_unreachable"
    NO_MX = "no_mx"
    TLS_REQUIRED_NOT_OFFERED = "tls_required_not_offered"
    RECEIVER_SLOW = "receiver_slow"
    LEASE_OF_DEAD_WORKER = "lease_of_dead_worker"
    WORKER_STALLED = "worker_stalled"
    WORKERS_BUSY = "workers_busy"
    BEHIND_OTHER_WORK = "behind_other_work"
    STORE_UNWRITABLE = "store_unwritable"
    OUTCOME_NOT_RECORDED = "outcome_not_recorded"
    MESSAGE_TOO_LARGE = "message_too_large"
    NO_PROGRESS = "no_progress"


class Progress(StrEnum):
    """What a pending message is that no gate stops."""

    READY = "ready"  # has its place in line
    IN_FLIGHT = "in_flight"  # a worker is sending it
