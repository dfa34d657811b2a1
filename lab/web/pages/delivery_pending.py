"""Why messages of a delivery are pending, in groups, and the buttons that set them free."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from lab.host_facts import host_facts
from lab.web.asked import DeliveryNumber
from lab.web.delivery_head import head_of
from lab.web.evidence import said
from lab.web.fixes import fixes_of, remedy_of
from lab.web.lab_here import Here, LabHere
from lab.web.remedy import Around, Fix, Remedy
from lab.web.rendering import ENVIRONMENT, page
from mail.cause import Cause, Progress
from mail.errors import EnvironmentFault, UserError
from mail.states import MessageStatus
from monitor.why.diagnosis import Diagnosis, Finding, causes, diagnose
from monitor.why.group import Place
from sinks.control import ask
from store import deliveries, pending_examples

router = APIRouter()
_SHOWN: Final = 5  # groups of a cause; the others are counted
_EXAMPLES: Final = 3  # messages of a group
_OF_RETRIES: Final = frozenset(
    {
        Cause.RETRY_LATER,
        Cause.GREYLISTED,
        Cause.DESTINATION_UNREACHABLE,
        Cause.NO_MX,
        Cause.TLS_REQUIRED_NOT_OFFERED,
        Cause.MESSAGE_TOO_LARGE,
    }
)


class Group(NamedTuple):
    """A finding with what can be done about it."""

    finding: Finding
    fixes: tuple[Fix, ...]
    evidence: list[tuple[str, str]]
    examples: list[tuple[int, str]]  # number and address


class OfCause(NamedTuple):
    """All messages that one cause holds up; ``left`` of them in ``more`` groups not shown.

    ``alike``: the words and the fix that all groups have; None: they differ. ``fixes`` are those
    that help more than one group.
    """

    code: str
    remedy: Remedy
    messages: int
    is_blocked: bool
    earliest_at: float | None
    alike: Finding | None
    fixes: tuple[Fix, ...]
    groups: list[Group]
    more: int
    left: int


@router.get("/deliveries/{number}/pending")
def pending(request: Request, lab: Here, number: DeliveryNumber) -> HTMLResponse:
    found = _diagnosed(lab, number)
    values = {
        **head_of(lab, number, "pending"),
        "why": found,
        "causes": _by_cause(lab, found),
        "progress": [str(each) for each in Progress],
    }
    return page(request, lab, "delivery_pending.html", values)


@router.get("/deliveries/{number}/pending/words")
def words(lab: Here, number: DeliveryNumber) -> HTMLResponse:
    """What the summary says of it, in a line; nothing where nothing is pending."""
    delivery = lab.read(deliveries.get, number)
    if not delivery.counts.get(MessageStatus.PENDING, 0):
        return HTMLResponse("")
    found = _diagnosed(lab, number)
    values = {
        "root": f"/deliveries/{number}",
        "why": found,
        "causes": causes(found),
        "is_blocked": any(each.blocked for each in found.findings),
    }
    return HTMLResponse(ENVIRONMENT.get_template("delivery_pending_words.html").render(values))


def _diagnosed(lab: LabHere, number: int) -> Diagnosis:
    now = lab.now()
    seen = host_facts(lab.store, now)
    return diagnose(lab.store, lab.loaded.configuration, now, delivery=number, seen=seen)


def _by_cause(lab: LabHere, found: Diagnosis) -> list[OfCause]:
    around = Around(lab.loaded.configuration, _personalities(lab))
    return [
        _of_cause(lab, code, [each for each in found.findings if each.code == code], around)
        for code in causes(found)
    ]


def _of_cause(lab: LabHere, code: str, found: Sequence[Finding], around: Around) -> OfCause:
    largest = sorted(found, key=lambda each: -each.messages)
    shown, rest = largest[:_SHOWN], largest[_SHOWN:]
    of_all = [() if lab.is_kept else fixes_of(each, around) for each in found]
    counts = Counter(fix for each in of_all for fix in each)
    shared = tuple(sorted((fix for fix, groups in counts.items() if groups > 1), key=_place))
    times = [each.earliest_at for each in found if each.earliest_at is not None]
    return OfCause(
        code,
        remedy_of(found[0]),
        sum(each.messages for each in found),
        any(each.blocked for each in found),
        min(times, default=None),
        found[0] if len({(each.words, each.fix, each.command) for each in found}) == 1 else None,
        shared,
        [_group(lab, each, around, shared) for each in shown],
        len(rest),
        sum(each.messages for each in rest),
    )


def _place(fix: Fix) -> tuple[str, str]:
    return fix.path, fix.label


def _group(lab: LabHere, found: Finding, around: Around, shared: Sequence[Fix]) -> Group:
    own = () if lab.is_kept else fixes_of(found, around)
    fixes = tuple(each for each in own if each not in shared)
    return Group(found, fixes, said(found.evidence), _examples(lab, found))


def _examples(lab: LabHere, found: Finding) -> list[tuple[int, str]]:
    of = found.delivery_id, found.mx_group
    if found.place == Place.RETRYING:
        if found.cause not in _OF_RETRIES:
            return []
        return lab.read(pending_examples.waiting_for_retry, *of, found.cause, _EXAMPLES)
    in_hand = found.place == Place.IN_HAND
    return lab.read(pending_examples.in_parts, *of, _EXAMPLES, in_hand=in_hand)


def _personalities(lab: LabHere) -> Mapping[str, str]:
    """How the sinks that run behave now; none where none run."""
    if lab.is_kept or not lab.loaded.configuration.sink:
        return {}
    try:
        running: list[Mapping[str, Any]] = ask(lab.loaded.directory, {"do": "list"})["sinks"]
    except (UserError, EnvironmentFault):
        return {}
    return {str(each["sink"]): str(each["personality"]) for each in running}
