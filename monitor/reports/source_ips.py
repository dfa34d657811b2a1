"""Source IPs: what share of an affinity's mail each sent, beside what its weight makes due."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from affinity.affinity import weights
from monitor.reports.ratio import share, wilson
from monitor.reports.request import FOR_EVER_S, Request
from monitor.reports.sheet import Cell, Chart, Column, Figure, Report, Sheet, sheet
from store import report_traffic
from store.engine import Tx
from store.report_tables import SLOT_S
from store.report_traffic import Admitted, PathTraffic, Span

FEW: Final = 30  # attempts of an affinity below which no verdict is given

FIGURES: Final = (
    Figure("attempts", "attempts of the affinity's mail that left by the IP", "rollup_path"),
    Figure("share", "attempts / all attempts of the affinity", "rollup_path"),
    Figure(
        "due",
        "for each MX group: its attempts x weight / weights of the IPs that the masks admit there; "
        "summed up / all attempts of the affinity",
        "rollup_path, delivery_domain, the configuration",
    ),
    Figure(
        "low, high",
        "the 95 % interval of Wilson for the share, were each message drawn by itself",
        "rollup_path",
    ),
    Figure(
        "verdict",
        "`as due` if the due share lies within low and high, or the IP is at most `slack` messages "
        "off; else `more` or `less`",
        "",
    ),
    Figure(
        "slack",
        "7/3 x (1 - 1 / (2n - 2)) x the largest part, for each MX group with n > 1 IPs: what the "
        "scheduler's rule keeps (docs/decisions/0002-weighted-choice.md)",
        "delivery.part_size",
    ),
)
NOTES: Final = (
    (
        "Retries count: a receiver that defers what comes from one IP makes more attempts, which "
        "are spread again."
    ),
    (
        "`more` or `less` is no fault by itself: an IP that was down, suspended, at its limit or "
        "at its quota left its share to the others."
    ),
    (
        "Due shares are those of the configuration as it is now. Without --from it is reckoned "
        "since the running processes took it up; when none runs, since ever."
    ),
)
_COLUMNS: Final = (
    Column("affinity", "affinity", "text"),
    Column("source_ip", "source IP", "text"),
    Column("weight", "weight", ""),
    Column("attempts", "attempts", "number"),
    Column("sent", "sent"),
    Column("share", "share", "share"),
    Column("due", "due", "share"),
    Column("low", "95 % from", "share"),
    Column("high", "to", "share"),
    Column("verdict", "verdict", "text"),
)
_TOGETHER: Final = (
    Column("source_ip", "source IP", "text"),
    Column("affinities", "affinities", "text"),
    *_COLUMNS[3:],
)


def build(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    span = _span(request)
    found = report_traffic.by_path(tx, span)
    if request.source_ip is not None:
        mine = {each.affinity for each in found if each.source_ip == request.source_ip}
        found = [each for each in found if each.affinity in mine]
    return Report(
        sheets(
            found,
            report_traffic.admitted(tx, span),
            {name: weights(each) for name, each in request.configuration.affinity.items()},
            report_traffic.largest_part(tx, span),
        ),
        NOTES,
    )


def _span(request: Request) -> Span:
    """Since the configuration stands, unless a time is asked for; whole slots only."""
    if request.since is not None or request.scale_s is not None:
        return request.span()
    since = 0.0 if request.configured_at is None else request.configured_at
    until = FOR_EVER_S if request.until is None else request.until
    number = None if request.delivery is None else request.delivery.id
    return Span(int(-(-since // SLOT_S)), int(-(-until // SLOT_S)), number)


def due_of(
    paths: Sequence[PathTraffic],
    admitted: Sequence[Admitted],
    weighed: Mapping[str, Mapping[str, float]],
) -> dict[tuple[str, str], float]:
    """Attempts due to each IP of each affinity, by what its weight and masks make of it."""
    tried: Counter[tuple[str, str]] = Counter()
    for each in paths:
        tried[each.affinity, each.mx_group] += each.attempts
    planned: dict[tuple[str, str], list[Admitted]] = defaultdict(list)
    for plan in admitted:
        planned[plan.affinity, plan.mx_group].append(plan)
    found: dict[tuple[str, str], float] = {}
    for way, attempts in tried.items():
        whole = sum(each.messages for each in planned[way])
        for plan in planned[way]:
            of = {ip: weighed.get(way[0], {}).get(ip, 0.0) for ip in plan.source_ips}
            number = attempts * share(plan.messages, whole)
            for ip, weight in of.items():
                due = number * share(weight, sum(of.values()))
                found[way[0], ip] = found.get((way[0], ip), 0.0) + due
    return found


def slack_of(admitted: Sequence[Admitted], largest: int) -> dict[str, float]:
    """By how many messages an IP of an affinity may be off at any moment."""
    found: dict[str, float] = {}
    for each in admitted:
        number = len(each.source_ips)
        if number > 1:
            bound = 7 / 3 * (1 - 1 / (2 * number - 2)) * largest
            found[each.affinity] = found.get(each.affinity, 0.0) + bound
    return found


def verdict(attempts: int, whole: int, due: float, slack: float) -> str:
    """Whether an IP's attempts are what is due to it; ``due`` is in messages."""
    if whole < FEW:
        return "too few"
    low, high = wilson(attempts, whole)
    if low * whole <= due <= high * whole or abs(attempts - due) <= slack:
        return "as due"
    return "more" if attempts > due else "less"


def sheets(
    paths: Sequence[PathTraffic],
    admitted: Sequence[Admitted],
    weighed: Mapping[str, Mapping[str, float]],
    largest_part: int,
) -> tuple[Sheet, ...]:
    """By affinity and IP; and by IP over all affinities that share it."""
    due, slack = due_of(paths, admitted, weighed), slack_of(admitted, largest_part)
    attempts: Counter[tuple[str, str]] = Counter()
    sent: Counter[tuple[str, str]] = Counter()
    whole: Counter[str] = Counter()
    for each in paths:
        key = each.affinity, each.source_ip
        attempts[key] += each.attempts
        sent[key] += each.sent
        whole[each.affinity] += each.attempts
    keys = sorted({*attempts, *due})
    rows: list[tuple[Cell, ...]] = [
        (
            *key,
            weighed.get(key[0], {}).get(key[1]),
            *_line(
                attempts[key], sent[key], whole[key[0]], due.get(key, 0.0), slack.get(key[0], 0.0)
            ),
        )
        for key in keys
    ]
    chart = Chart("bars", "Share, and what is due", "source_ip", ("share", "due"))
    return (
        sheet("affinities", "Source IPs", _COLUMNS, rows, chart),
        _together(keys, attempts, sent, due, slack),
    )


def _line(attempts: int, sent: int, whole: int, due: float, slack: float) -> tuple[Cell, ...]:
    return (
        attempts,
        sent,
        share(attempts, whole),
        share(due, whole),
        *wilson(attempts, whole),
        verdict(attempts, whole, due, slack),
    )


def _together(
    keys: Sequence[tuple[str, str]],
    attempts: Mapping[tuple[str, str], int],
    sent: Mapping[tuple[str, str], int],
    due: Mapping[tuple[str, str], float],
    slack: Mapping[str, float],
) -> Sheet:
    whole = sum(attempts.values())
    rows: list[tuple[Cell, ...]] = []
    for ip in sorted({ip for _, ip in keys}):
        mine = [key for key in keys if key[1] == ip]
        rows.append(
            (
                ip,
                ", ".join(name for name, _ in mine),
                *_line(
                    sum(attempts.get(key, 0) for key in mine),
                    sum(sent.get(key, 0) for key in mine),
                    whole,
                    sum(due.get(key, 0.0) for key in mine),
                    sum(slack.get(name, 0.0) for name, _ in mine),
                ),
            )
        )
    return sheet("together", "All affinities together", _TOGETHER, rows)
