"""What the things of the picture are called, and what is to be said of each."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from monitor.flow.facts import Facts
from monitor.flow.graph import Column, State
from monitor.why.finding import Finding

Place = tuple[Column, str]
_PLURAL: Final = {
    "delivery": "deliveries", "lane": "lanes", "instance": "instances",
    "source_ip": "source IPs", "destination": "destinations",
}  # fmt: skip
_RUNS: Final = ("running", "not configured")


def stop_of(finding: Finding) -> str:
    """The name of the stop at which a finding's messages stand."""
    return f"stop:{finding.code}"


class Names:
    """Words for the nodes; ``states`` are those that no number shows."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._deliveries = {str(each.id): each for each in facts.deliveries}
        self._lanes = {each.key: each for each in facts.lanes}
        self._instances = {each.name: each for each in facts.instances}
        self._words: dict[str, Counter[str]] = {}
        for each in facts.findings:
            if each.place != "in hand":
                words = self._words.setdefault(stop_of(each), Counter())
                words[each.words] += each.messages

    def states(self) -> Iterator[tuple[Place, State]]:
        for lane in self._facts.lanes:
            if lane.shut:
                yield ("lane", lane.key), State.BLOCKED
        for instance in self._facts.instances:
            if instance.state not in _RUNS:
                yield ("instance", instance.name), State.BLOCKED
        for each in self._facts.findings:
            if each.cause is None or each.place != "in hand" or each.lane is None:
                continue
            yield ("lane", each.lane), State.BLOCKED if each.blocked else State.WAITING

    def label(self, key: str, members: Sequence[Place]) -> str:
        column, name = members[0]
        if key.endswith(":stop:more"):
            return f"{len(members)} more causes"
        if key.endswith(":more"):
            return f"{len(members)} more {_PLURAL[column]}"
        if name.startswith("stop:"):
            return name.removeprefix("stop:").replace("_", " ")
        if column == "delivery":
            known = self._deliveries.get(name)
            return "others" if known is None else known.label
        if column == "lane":
            source, _, group = name.partition(">")
            return f"{group} shared" if source == "*" else f"{source} > {group}"
        return f"mta@{name}" if column == "instance" else name

    def detail(self, key: str, members: Sequence[Place], messages: int, rate: float) -> str:
        """One short line."""
        column, name = members[0]
        numbers = _numbers(column, messages, rate)
        if key.endswith(":more"):
            return numbers
        if name.startswith("stop:"):
            return _largest(self._words.get(name, Counter()))
        shut = self._lanes[name].shut if column == "lane" and name in self._lanes else ""
        return shut or " · ".join(filter(None, (self._about(column, name), numbers)))

    def _about(self, column: Column, name: str) -> str:
        if column == "instance" and name in self._instances:
            found = self._instances[name]
            said = "1 worker" if found.workers == 1 else f"{found.workers} workers"
            return said if found.state == "running" else found.state
        return self._facts.groups.get(name, "") if column == "destination" else ""

    @staticmethod
    def cause(key: str, members: Sequence[Place]) -> str | None:
        name = members[0][1]
        if not name.startswith("stop:") or key.endswith(":more"):
            return None
        return name.removeprefix("stop:")


def _largest(words: Counter[str]) -> str:
    """The reason of the most messages, and how many others there are."""
    if not words:
        return ""
    ((most, _),) = words.most_common(1)
    others = len(words) - 1
    return most if not others else f"{most}; and {others} more"


def _numbers(column: Column, messages: int, rate: float) -> str:
    words = {"delivery": "pending", "lane": "in hand"}.get(column, "in hand")
    found = [f"{messages:,} {words}"] if messages else []
    if rate:
        found.append(_rate(rate))
    return " · ".join(found)


def _rate(rate: float) -> str:
    """Attempts per second, or per minute where these are few."""
    if rate < 1:
        return f"{max(1, round(rate * 60))}/min"
    return f"{rate:,.1f}/s" if rate < 10 else f"{rate:,.0f}/s"
