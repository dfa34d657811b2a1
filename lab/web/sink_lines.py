"""The sinks as their page shows them: how each behaves, what it took and what it refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from affinity.mask import is_pattern
from lab.web.lab_here import LabHere
from mail.errors import EnvironmentFault
from sinks.catalogue import personality_named
from sinks.control import ask
from sinks.errors import SinksRefused
from sinks.receipts import Receipt, Refusal, newest_receipts, newest_refusals, written
from sinks.settings import SinkSettings
from sinks.traits import traits

LOOKED_AT: Final = 500  # refusals of each sink, the newest
RECEIVED_SHOWN: Final = 5
_COUNTED_BYTES: Final = 32 * 1024 * 1024  # larger files would take a page too long


@dataclass(slots=True)
class Replies:
    """Refusals of one code at one stage."""

    code: str  # with its enhanced code; empty: the connection ended without a reply
    stage: str
    count: int
    last_at: float
    last: str


@dataclass(frozen=True, slots=True)
class SinkLine:
    """One sink. What it counts is since the sinks began, or all there is where none run."""

    name: str
    listen: str
    mx: str
    personality: str
    description: str
    traits: list[str]
    is_as_configured: bool
    domains: tuple[str, ...]  # of the routes that lead to it
    accepted: int | None  # None: too many to be counted now
    refused: int | None
    connections: int | None  # None: it does not run
    received: list[Receipt]
    replies: list[Replies]
    certificate: str = "none"
    reputations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def inbox(self) -> str | None:
        """What to search the inbox for to see its mail; None: no search tells."""
        if len(self.domains) != 1 or is_pattern(self.domains[0]):
            return None
        return f"to:@{self.domains[0]}"


@dataclass(frozen=True, slots=True)
class Sinks:
    """All of them; ``fault`` says why those that should answer do not."""

    are_running: bool
    fault: str
    remedy: str
    lines: list[SinkLine]


def sinks_of(lab: LabHere) -> Sinks:
    """Those of the configuration, and those that run without being in it any more.

    Raises:
        DamagedReceipts, SinkFilesUnusable: their files are not as they should be.
    """
    views: dict[str, Mapping[str, Any]] = {}
    fault = remedy = ""
    if not lab.is_kept:
        try:
            views = {each["sink"]: each for each in _asked(lab.loaded.directory)}
        except (EnvironmentFault, SinksRefused) as error:
            fault, remedy = error.what, error.remedy
    configured = lab.loaded.configuration.sink
    lines = [_line(lab, name, configured.get(name), views.get(name)) for name in
             dict.fromkeys([*configured, *views])]  # fmt: skip
    return Sinks(not lab.is_kept and not fault, fault, remedy, lines)


def _asked(directory: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(directory, {"do": "list"})["sinks"]
    return found


def _line(
    lab: LabHere, name: str, settings: SinkSettings | None, view: Mapping[str, Any] | None
) -> SinkLine:
    configuration, directory = lab.loaded.configuration, lab.loaded.directory
    view = view or {}
    named = view.get("personality") or (settings.personality if settings else "accept")
    personality = personality_named(named, configuration.personality)
    counted = written(directory, name, _COUNTED_BYTES) if not view else None
    accepted, refused = counted or (view.get("accepted"), view.get("refused"))
    return SinkLine(
        name=name,
        listen=view.get("listen") or (settings.listen if settings else ""),
        mx=view.get("mx") or (settings.mx if settings else ""),
        personality=named,
        description=personality.description,
        traits=traits(personality),
        is_as_configured=settings is not None and settings.personality == named,
        domains=_domains(lab, name),
        accepted=accepted,
        refused=refused,
        connections=view.get("connections"),
        received=list(islice(newest_receipts(directory, name), RECEIVED_SHOWN)),
        replies=_replies(islice(newest_refusals(directory, name), LOOKED_AT)),
        certificate=view.get("certificate", "none"),
        reputations=view.get("reputations", []),
    )


def _domains(lab: LabHere, sink: str) -> tuple[str, ...]:
    return tuple(
        domain
        for route in lab.loaded.configuration.route.values()
        if any(place.sink == sink for place in route.places)
        for domain in route.domains
    )


def _replies(refusals: Iterable[Refusal]) -> list[Replies]:
    """By code and stage, the most frequent first."""
    found: dict[tuple[str, str], Replies] = {}
    for each in refusals:
        code = _code(each.reply)
        line = found.get((code, each.stage))
        if line is None:  # the newest comes first
            said = each.reply or "the connection ended"
            found[code, each.stage] = Replies(code, each.stage, 1, each.time, said)
        else:
            line.count += 1
    return sorted(found.values(), key=lambda each: -each.count)


def _code(reply: str | None) -> str:
    """``450 4.7.1 <a@b>: greylisted`` → ``450 4.7.1``."""
    code, _, rest = (reply or "").partition(" ")
    enhanced = rest.partition(" ")[0]
    return f"{code} {enhanced}" if enhanced.replace(".", "").isdigit() else code
