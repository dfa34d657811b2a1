"""Every metric: its name, type, words and labels, as Prometheus' conventions have them.

``docs/metrics.md`` is generated from this. Names of counters stand without their ``_total``.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; ``what`` is its HELP."""

    name: str
    kind: Literal["gauge", "counter", "histogram", "info"]
    what: str
    labels: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The name under which samples are asked for."""
        return self.name + {"counter": "_total", "info": "_info"}.get(self.kind, "")


_M = Metric
_WAY: Final = ("instance", "source_ip", "mx_group")
METRICS: Final = (
    _M(
        "mtalab_build",
        "info",
        "Version, schema and database of this lab.",
        ("version", "schema", "database"),
    ),
    _M(
        "mtalab_messages_current",
        "gauge",
        "Messages by the status that they have now.",
        ("status",),
    ),
    _M(
        "mtalab_messages",
        "counter",
        "Attempts by what became of them: sent, deferred, failed.",
        ("status", *_WAY),
    ),
    _M(
        "mtalab_sent_bytes",
        "counter",
        "Bytes of messages that receivers took.",
        _WAY,
    ),
    _M(
        "mtalab_deliveries",
        "gauge",
        "Deliveries by status.",
        ("status",),
    ),
    _M(
        "mtalab_pending_messages",
        "gauge",
        "Pending messages by why they are pending; blocked ones move only if something is changed.",
        ("cause", "blocked"),
    ),
    _M(
        "mtalab_pending_age_seconds",
        "histogram",
        "How long pending messages have been queued; the sum takes each for as old as its "
        "bucket's least age.",
        (),
    ),
    _M(
        "mtalab_pending_oldest_seconds",
        "gauge",
        "Age of the pending message that has been queued longest, by delivery's submission.",
    ),
    _M(
        "mtalab_lane_connections_limit",
        "gauge",
        "Connections that a lane may have by its MX rules.",
        ("lane",),
    ),
    _M(
        "mtalab_lane_messages_per_hour_limit",
        "gauge",
        "Messages an hour that a lane may send by its MX rules.",
        ("lane",),
    ),
    _M(
        "mtalab_lane_connections",
        "gauge",
        "Connections that a lane has.",
        ("lane",),
    ),
    _M(
        "mtalab_lane_in_hand_messages",
        "gauge",
        "Messages of a lane in workers' hands.",
        ("lane",),
    ),
    _M(
        "mtalab_lane_suspended",
        "gauge",
        "Whether an operator suspended the lane.",
        ("lane",),
    ),
    _M(
        "mtalab_phase_connections",
        "gauge",
        "Connections by the step of the session that they await.",
        ("phase",),
    ),
    _M(
        "mtalab_phase_oldest_seconds",
        "gauge",
        "For how long the connection that waits longest awaits that step.",
        ("phase",),
    ),
    _M(
        "mtalab_connection_step_seconds",
        "histogram",
        "How long the steps of a session took: connect, ehlo, starttls, auth, and message "
        "from MAIL to the last reply.",
        ("instance", "worker", "step"),
    ),
    _M(
        "mtalab_up",
        "gauge",
        "Whether a module runs and is heard of.",
        ("module",),
    ),
    _M(
        "mtalab_workers",
        "gauge",
        "Workers of an instance that live.",
        ("instance",),
    ),
    _M(
        "mtalab_workers_configured",
        "gauge",
        "Workers that an instance is to have.",
        ("instance",),
    ),
    _M(
        "mtalab_heartbeat_age_seconds",
        "gauge",
        "Time since a module or worker was heard of.",
        ("module",),
    ),
    _M(
        "mtalab_memory_bytes",
        "gauge",
        "Memory of a module or worker.",
        ("module",),
    ),
    _M(
        "mtalab_wakeups",
        "counter",
        "How often somebody looked for work: claims and pulls of workers, rounds of the scheduler.",
        ("module", "worker", "look"),
    ),
    _M(
        "mtalab_wakeups_in_vain",
        "counter",
        "How many of these looks found nothing.",
        ("module", "worker", "look"),
    ),
    _M(
        "mtalab_rows_read",
        "counter",
        "Rows that these looks read.",
        ("module", "worker"),
    ),
    _M(
        "mtalab_given_back_messages",
        "counter",
        "Messages that workers gave back without an attempt.",
        ("instance", "worker"),
    ),
    _M(
        "mtalab_store_seconds",
        "histogram",
        "How long questions to the store took its processes.",
        ("module", "worker", "operation"),
    ),
    _M(
        "mtalab_scrape_store_seconds",
        "gauge",
        "How long each question of this scrape took the store.",
        ("question",),
    ),
    _M(
        "mtalab_tracking_logs",
        "counter",
        "Opens, clicks and the like that came back.",
        ("kind", "machine"),
    ),
    _M(
        "mtalab_inbound_mails",
        "counter",
        "Mails to return paths, by what they brought about.",
        ("effect",),
    ),
    _M(
        "mtalab_addresses",
        "gauge",
        "Addresses that are known, by status.",
        ("status",),
    ),
    _M(
        "mtalab_sink_connections",
        "counter",
        "Connections that a sink had.",
        ("sink",),
    ),
    _M(
        "mtalab_sink_received_messages",
        "counter",
        "Messages that a sink took.",
        ("sink",),
    ),
    _M(
        "mtalab_sink_refused",
        "counter",
        "Commands and messages that a sink refused.",
        ("sink",),
    ),
)
BY_NAME: Final = {each.name: each for each in METRICS}
