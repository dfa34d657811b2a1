"""Affinities as their page shows them: source IPs, weights beside what was measured, limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from affinity.configuration import SourceIp
from lab.quota_lines import QuotaLine, quota_lines
from lab.reports.asking import Asked, made
from lab.web.lab_here import LabHere
from monitor.lanes import LaneLine, configured_lanes

HOUR_S: Final = 3600.0
_REPORT: Final = "source-ips"


@dataclass(frozen=True, slots=True)
class Measured:
    """What left by an IP of an affinity; shares of 1, None where nothing was tried."""

    attempts: int
    share: float | None
    due: float | None
    verdict: str


@dataclass(frozen=True, slots=True)
class IpLine:
    """A source IP of an affinity, ``share`` as its weight has it where all IPs may be used."""

    ip: SourceIp
    share: float
    whole: Measured | None
    hour: Measured | None
    quotas: Sequence[QuotaLine]


@dataclass(frozen=True, slots=True)
class Limit:
    """Of the lanes to an MX group, from the MX rules named beside each."""

    mx_group: str
    is_shared: bool
    max_connections: int | None
    messages_per_hour: int | None
    because: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AffinityLine:
    """An affinity; no ``instances``: its mail waits."""

    name: str
    instances: Sequence[str]
    ips: Sequence[IpLine]
    quota: QuotaLine | None
    limits: Sequence[Limit]


def affinity_lines(lab: LabHere) -> list[AffinityLine]:
    configuration, now = lab.loaded.configuration, lab.now()
    whole = _measured(lab, None)
    hour = _measured(lab, now - HOUR_S)
    quotas = quota_lines(lab.store, configuration, now)
    lanes = configured_lanes(configuration)
    found = []
    for name, affinity in configuration.affinity.items():
        total = sum(each.weight for each in affinity.ip)
        ips = [
            IpLine(
                each,
                each.weight / total if total else 0.0,
                whole.get((name, each.address)),
                hour.get((name, each.address)),
                [one for one in quotas if one.source_ip == each.address],
            )
            for each in affinity.ip
        ]
        instances = [key for key, mta in configuration.mta.items() if name in mta.affinities]
        quota = next((each for each in quotas if each.affinity == name), None)
        found.append(AffinityLine(name, instances, ips, quota, _limits(name, lanes)))
    return found


def _measured(lab: LabHere, since: float | None) -> dict[tuple[str, str], Measured]:
    shown = made(lab.store, lab.loaded, lab.now(), _REPORT, Asked(since=since), "")
    sheet = shown.report.sheets[0]
    names = ("affinity", "source_ip", "attempts", "share", "due", "verdict")
    columns: list[list[Any]] = [list(sheet.values(each)) for each in names]
    return {
        (affinity, ip): Measured(
            attempts, share if attempts else None, due if attempts else None, verdict
        )
        for affinity, ip, attempts, share, due, verdict in zip(*columns, strict=True)
    }


def _limits(affinity: str, lanes: Sequence[LaneLine]) -> list[Limit]:
    """One for each MX group: all lanes of it have the same."""
    found: dict[str, Limit] = {}
    for each in lanes:
        if affinity in each.affinities:
            found.setdefault(
                each.mx_group,
                Limit(
                    each.mx_group,
                    each.source_ip is None,
                    each.max_connections,
                    each.messages_per_hour,
                    each.limited_by,
                ),
            )
    return list(found.values())
