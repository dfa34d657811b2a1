"""What a word may mean, of all that a lab has: for the search page and the API."""

from dataclasses import dataclass
from typing import Final

from lab.web.lab_here import LabHere
from mail.address import Address, BadAddress, parse_address
from monitor.lanes import LaneLine, lane_lines
from sinks.errors import DamagedReceipts, SinkFilesUnusable
from sinks.inbox import InboxEntry, list_inbox
from store import address_search, finding, log
from store.addresses import KnownAddress
from store.deliveries import Delivery

FEW: Final = 20
MAILS_LOOKED_AT: Final = 300  # the newest; each is read for its subject


@dataclass(frozen=True, slots=True)
class SourceIp:
    """One of the configuration, and the affinities that have it."""

    source_ip: str
    affinities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, at most ``FEW`` of each kind."""

    address: Address | None  # the word itself, where it is one
    deliveries: list[Delivery]
    messages: list[log.Message]
    addresses: list[KnownAddress]
    source_ips: list[SourceIp]
    lanes: list[LaneLine]
    affinities: list[str]
    mails: list[InboxEntry]


def search(lab: LabHere, word: str) -> Hits:
    """Look everywhere."""
    configuration, low = lab.loaded.configuration, word.lower()
    address = _address(word)
    found = lab.read(finding.find, "" if address else word, FEW)
    messages = found.messages if address is None else lab.of_addresses.messages(address)[:FEW]
    known = address_search.Selection(piece=word)
    ips: dict[str, list[str]] = {}
    for name, affinity in configuration.affinity.items():
        for ip in affinity.ip:
            ips.setdefault(ip.address, []).append(name)
    lanes = lane_lines(lab.store, configuration, lab.now())
    return Hits(
        address,
        found.deliveries,
        messages,
        lab.read(address_search.find, known, FEW),
        [SourceIp(ip, tuple(names)) for ip, names in ips.items() if low in ip][:FEW],
        [each for each in lanes if low in each.lane.lower() or low in _shown(each.lane)][:FEW],
        [name for name in configuration.affinity if low in name.lower()][:FEW],
        _mails(lab, low),
    )


def _address(word: str) -> Address | None:
    try:
        return parse_address(word) if "@" in word else None
    except BadAddress:
        return None


def _shown(lane: str) -> str:
    """As people may write it, with a slash."""
    return lane.lower().replace(">", "/")


def _mails(lab: LabHere, low: str) -> list[InboxEntry]:
    try:
        newest = list_inbox(lab.loaded.directory, MAILS_LOOKED_AT)
    except (DamagedReceipts, SinkFilesUnusable):
        return []  # the inbox itself says what is wrong with it
    return [each for each in newest if low in each.subject.lower()][:FEW]
