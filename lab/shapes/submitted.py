"""What came of a submission, as a JSON value."""

from collections.abc import Sequence
from typing import Any

from lab.checks.finding import Finding
from lab.shapes.wave import as_json as wave_as_json
from lab.submit.submission import Submitted
from lab.submit.tracked import shown


def as_json(done: Submitted, findings: Sequence[Finding]) -> dict[str, Any]:
    """The shape of a submission in ``docs/json.md``."""
    return {
        "delivery": done.delivery_id,
        "held": done.is_held,
        "messages": done.messages,
        "waves": [wave_as_json(each) for each in done.waves],
        "duplicates": done.duplicates,
        "quarantined": done.quarantined,
        "denylisted": done.denylisted,
        "rejected": done.rejected,
        "rejects_file": None if done.rejects is None else str(done.rejects),
        "urls": shown(done.urls),
        "warnings": list(done.warnings),
        "findings": [each.as_json() for each in findings],
    }
