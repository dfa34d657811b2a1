"""Assertions that explain: what was expected, what was seen, and what the messages wait for."""

import difflib
from collections import Counter
from typing import Final

from mtalab_pytest.durations import Duration
from mtalab_pytest.errors import LabError, is_told
from mtalab_pytest.lab import Lab, Named, indented

__tracebackhide__ = is_told

_SHOWN: Final = 5  # reasons of failed messages


def assert_pending_because(
    lab: Lab, cause: str, count: int | None = None, *, delivery: Named = None
) -> None:
    """Messages are pending now for this cause.

    Args:
        lab: whose.
        cause: its code, such as "affinity_not_configured"; or "ready", "in_flight".
        count: exactly so many; None: at least one.
        delivery: of this delivery; None: of all.

    Raises:
        AssertionError: it is not so.
        LabError: there is no such cause.
    """
    if cause not in lab.causes:
        near = difflib.get_close_matches(cause, lab.causes, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise LabError(f"there is no cause {cause!r}{hint}", name="NoSuchCause")
    why = lab.why(delivery)
    seen = why.causes.get(cause, 0)
    if seen == count or (count is None and seen > 0):
        return
    wanted = "some" if count is None else str(count)
    lines = [
        f"expected {wanted} messages{_of(delivery)} to be pending because of {cause}, seen {seen}",
        f"all{_of(delivery)}: {_counts(lab, delivery)}",
        str(why),
    ]
    raise AssertionError("\n  ".join(map(indented, lines)))


def assert_all_sent(lab: Lab, *, within: Duration | None = None, delivery: Named = None) -> None:
    """Everything submitted is sent, at the latest after some time, which is let pass.

    Args:
        lab: whose.
        within: how long it may take; by default an hour, or of a real lab a minute.
        delivery: of this delivery; None: of all.

    Raises:
        AssertionError: something is not: pending, failed, ignored or cancelled.
    """
    deliveries = () if delivery is None else (delivery,)
    lab.is_done(*deliveries, within=within)
    counts = lab.counts(delivery)
    total = sum(counts.values())
    if total and counts["sent"] == total:
        return
    lines = [
        f"expected all {total} messages{_of(delivery)} to be sent, seen {_counts(lab, delivery)}"
    ]
    if not total:
        lines = [f"expected messages{_of(delivery)} to be sent, but none was submitted"]
    if counts["pending"]:
        lines.append(str(lab.why(delivery)))
    if counts["failed"]:
        lines.append(_failures(lab, delivery))
    raise AssertionError("\n  ".join(map(indented, lines)))


def _of(delivery: Named) -> str:
    if delivery is None:
        return ""
    return f" of {delivery if isinstance(delivery, str) else delivery.name!r}"


def _counts(lab: Lab, delivery: Named) -> str:
    counts = lab.counts(delivery)
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "no message"


def _failures(lab: Lab, delivery: Named) -> str:
    """The failed messages by reason, with a reply for each."""
    found = lab.messages(delivery, status="failed")
    counts = Counter(each.reason for each in found)
    replies = {each.reason: each.reply for each in found}
    return "\n".join(
        f"{count} failed: {reason}{'' if replies[reason] is None else f': {replies[reason]}'}"
        for reason, count in counts.most_common(_SHOWN)
    )
