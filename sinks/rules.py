"""Rules of a personality made ready for use: whom each is for, and whether it is their turn."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sinks.fields import Aimed
from sinks.lot import Lots
from sinks.mask import mask_pattern

Kind = TypeVar("Kind", bound=Aimed)


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks for what; empty where it is not known yet."""

    ip: str
    sender: str = ""
    recipients: Sequence[str] = ()


class Rule(Generic[Kind]):
    """One rule."""

    def __init__(self, settings: Kind, salt: str) -> None:
        """``salt`` tells its lots from those of other rules."""
        self.settings, self._salt = settings, salt
        self._recipients = mask_pattern(settings.recipients)
        self._senders = mask_pattern(settings.senders)
        self._peers = mask_pattern(settings.peers)

    def applies(self, lots: Lots, who: Who) -> bool:
        if self._peers is not None and self._peers.fullmatch(who.ip) is None:
            return False
        if self._senders is not None and self._senders.fullmatch(who.sender) is None:
            return False
        if self._recipients is not None and not any(
            map(self._recipients.fullmatch, who.recipients)
        ):
            return False
        return self.settings.share >= 1 or self._lot(lots, who) < self.settings.share

    def _lot(self, lots: Lots, who: Who) -> float:
        if self.settings.share_of == "attempts":
            return lots.next(self._salt)
        whose = who.recipients or ((who.sender,) if self.settings.stage == "mail" else (who.ip,))
        return lots.of(self._salt, *(each.lower() for each in whose))


class Rules(Generic[Kind]):
    """Rules of one kind, by their stage."""

    def __init__(self, settings: Iterable[Kind], name: str) -> None:
        self._by_stage: dict[str, list[Rule[Kind]]] = {}
        for number, each in enumerate(settings):
            self._by_stage.setdefault(each.stage, []).append(Rule(each, f"{name} {number}"))

    def __bool__(self) -> bool:
        return bool(self._by_stage)

    def has(self, stage: str) -> bool:
        return stage in self._by_stage

    def first(self, stage: str, lots: Lots, who: Who) -> Kind | None:
        """The first rule of the stage that applies."""
        return next(self.all(stage, lots, who), None) if stage in self._by_stage else None

    def all(self, stage: str, lots: Lots, who: Who) -> Iterator[Kind]:
        """Each rule of the stage that applies, in order; those that nobody asks for draw no lot."""
        return (each.settings for each in self._by_stage.get(stage, ()) if each.applies(lots, who))
