"""Why messages are pending, as a JSON value."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from monitor.why.ceiling import Ceiling
from monitor.why.diagnosis import Diagnosis, causes
from store import log


def as_json(
    found: Diagnosis, row: log.Message | None, tops: Mapping[str, Ceiling]
) -> dict[str, Any]:
    value: dict[str, Any] = {
        "now": found.now,
        "pending": found.messages,
        "causes": causes(found),
        "groups": [{"code": each.code, **asdict(each)} for each in found.findings],
    }
    if row is not None:
        value["message"] = {"id": row.id, "delivery_id": row.delivery_id, "status": row.status}
        value["chain"] = [asdict(each) for each in found.chain]
    if tops:
        value["lanes"] = [{"lane": lane, **asdict(top)} for lane, top in tops.items()]
    return value
