"""What another configuration would do to queued mail, as a JSON value."""

from typing import Any

from monitor.outlook import Way
from monitor.plan import Forecast


def as_json(found: Forecast) -> dict[str, Any]:
    """The shape of a plan in ``docs/json.md``, without the names of the files."""
    return {
        "pending": found.pending,
        "changed": sum(each.messages for each in found.changes),
        "messages": {str(effect): count for effect, count in found.messages().items()},
        "causes": {str(cause): count for cause, count in found.causes().items()},
        "changes": [
            {
                "delivery": each.delivery_id,
                "affinity": each.affinity,
                "domain": each.domain,
                "messages": each.messages,
                "effects": each.effects,
                "before": way_as_json(each.before),
                "after": way_as_json(each.after),
            }
            for each in found.changes
        ],
    }


def way_as_json(way: Way) -> dict[str, Any]:
    limits = way.limits
    return {
        "mx_group": way.mx_group,
        "source_ips": way.source_ips,
        "lanes": way.lanes,
        "cause": way.cause,
        "max_connections": limits.max_connections,
        "max_messages_per_connection": limits.max_messages_per_connection,
        "messages_per_hour": limits.messages_per_hour,
        "tls": limits.tls,
    }
