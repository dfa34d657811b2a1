"""Adobe Campaign Classic's serverConf.xml: what of it has a meaning here, and what has not.

Element and attribute names and their defaults are those of "The server configuration file" in
Adobe's documentation of Campaign Classic v7.
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lab.importing.xml_tree import BadServerConf, Element, read_xml
from mail.errors import Where

_WORKERS_MAX: Final = 64
_NAME: Final = re.compile(r"config-([A-Za-z0-9_-]+)\.xml")
_FIRST: Final = int(ipaddress.ip_address("127.0.1.1"))
_IP_KNOWN: Final = frozenset(
    {"address", "heloHost", "publicId", "weight", "includeDomains", "excludeDomains"}
)
_WHY_NOT: Final = {
    "mta/autoStart": "`mtalab up` starts every configured instance",
    "mta/statServerAddress": "limits are kept by the scheduler; there is no stat server",
    "mta/verifyMode": "the sinks take the place of simulation",
    "mta/dataLogPath": "`mtalab inbox` shows what arrived",
    "mta/retryLostMessages": "parts of a worker that died are always taken back",
    "master/dataBasePoolPeriodSec": "new work is seen at once",
    "master/dataBaseRetryDelaySec": "a store that is away is asked again twice a second",
    "master/minSpareServers": "all workers run all the time",
    "master/startSpareServers": "all workers run all the time",
    "child/idleChildTimeoutSec": "workers stay",
    "child/maxMsgPerChild": "workers stay",
    "child/timeToLive": "validity ends the attempts",
    "smtp/maxSessionsPerChild": "connections are limited per lane here: see connections",
    "smtp/idleSessionTimeoutSec": "5 s here too, and 0.1 s where connections are limited",
    "smtp/initialDelaySec": "1 s here, doubling up to 60",
}


@dataclass(frozen=True, slots=True)
class Left:
    """Something of the file that was left out, and why."""

    line: int
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class ImportedIp:
    """One ``<IP>``: ``public`` is its address in the file, ``address`` the one it has here."""

    address: str
    public: str
    helo: str
    public_id: int | None
    weight: float
    include: tuple[str, ...]
    exclude: tuple[str, ...]


@dataclass(slots=True)
class ServerConf:
    """What the file says that has a meaning here."""

    instance: str
    affinities: dict[str, tuple[ImportedIp, ...]] = field(default_factory=dict)
    workers: int = 2  # maxSpareServers' default
    hold_s: float | None = None
    lane_window: int | None = None
    local_domain: str | None = None
    tls: bool | None = None
    left: list[Left] = field(default_factory=list)


def read_server_conf(file: Path, instance: str | None = None) -> ServerConf:
    """Read the file.

    Args:
        file: serverConf.xml or config-INSTANCE.xml.
        instance: what to call the MTA instance; by default as the file's name says, or ``mta``.

    Raises:
        BadServerConf: it cannot be read, has no IP affinity, or an impossible value; nothing of it
            is then used.
    """
    root = read_xml(file)
    named = _NAME.fullmatch(file.name)
    found = ServerConf(instance or (named[1] if named else "mta"))
    return _Reading(file, root, found).read()


class _Reading:
    """One file on its way."""

    def __init__(self, file: Path, root: Element, found: ServerConf) -> None:
        self._file, self._root, self._found = file, root, found
        self._addresses: dict[str, str] = {}

    def read(self) -> ServerConf:
        mtas = [self._root] if self._root.tag == "mta" else self._root.all("mta")
        if not mtas:
            raise self._bad(self._root.line, "has no <mta> element", "Is it a serverConf.xml?")
        for mta in mtas:
            self._leave(mta, "mta")
            self._master(mta)
            self._child(mta)
        for dns in self._root.all("dnsConfig"):
            self._found.local_domain = dns.attributes.get("localDomain") or None
        for affinity in self._root.all("IPAffinity"):
            self._affinity(affinity)
        for relay in self._root.all("relay"):
            why = "mail goes to the sinks; write a [route] with its host to use it"
            self._found.left.append(Left(relay.line, "relay", why))
        if not self._found.affinities:
            raise self._bad(
                mtas[0].line, "has no <IPAffinity>", "They stand in <mta><child><smtp>."
            )
        return self._found

    def _master(self, mta: Element) -> None:
        for master in mta.all("master"):
            self._leave(master, "master", {"maxSpareServers"})
            number = self._number(master, "maxSpareServers")
            if number is not None:
                self._found.workers = max(1, min(int(number), _WORKERS_MAX))
                if self._found.workers != number:
                    why = f"1 to {_WORKERS_MAX} workers are possible"
                    self._found.left.append(
                        Left(master.line, f"master/maxSpareServers={number:g}", why)
                    )

    def _child(self, mta: Element) -> None:
        for child in mta.all("child"):
            self._leave(child, "child", {"maxAgeSec", "maxWaitingMessages"})
            hold, window = (
                self._number(child, "maxAgeSec"),
                self._number(child, "maxWaitingMessages"),
            )
            self._found.hold_s = hold if hold is not None else self._found.hold_s
            self._found.lane_window = int(window) if window else self._found.lane_window
        for smtp in mta.all("smtp"):
            self._leave(smtp, "smtp", {"enableTLS"})
            if "enableTLS" in smtp.attributes:
                self._found.tls = smtp.attributes["enableTLS"].lower() in {"true", "1"}

    def _affinity(self, element: Element) -> None:
        names = [each.strip() for each in element.attributes.get("name", "").split(";")]
        if not all(names):
            raise self._bad(element.line, "<IPAffinity> has no name", "Give it one.")
        domain = element.attributes.get("localDomain", "")
        ips = tuple(self._ip(each, domain) for each in element.children if each.tag == "IP")
        if not ips:
            raise self._bad(
                element.line, f"affinity {names[0]!r} has no <IP>", "Give it a source IP."
            )
        twice = {ip.public for ip in ips if sum(ip.public == each.public for each in ips) > 1}
        if twice:
            raise self._bad(
                element.line,
                f"affinity {names[0]!r} has {', '.join(sorted(twice))} more than once",
                "Keep one of them.",
            )
        for name in names:
            if name in self._found.affinities:
                raise self._bad(
                    element.line, f"affinity {name!r} is there twice", "Rename one of them."
                )
            self._found.affinities[name] = ips

    def _ip(self, element: Element, local_domain: str) -> ImportedIp:
        given = element.attributes
        for name in sorted(given.keys() - _IP_KNOWN):
            self._found.left.append(Left(element.line, f"IP/{name}", "it has no meaning here"))
        public = given.get("address", "").strip()
        try:
            address = ipaddress.ip_address(public)
        except ValueError:
            raise self._bad(
                element.line, f"<IP address={public!r}> is no IP address", "Mend it."
            ) from None
        weight = self._number(element, "weight")
        number = self._number(element, "publicId")
        return ImportedIp(
            self._here(str(address), is_loopback=address.is_loopback),
            str(address),
            given.get("heloHost", "").strip() or local_domain,
            None if number is None else int(number),
            1.0 if weight is None else weight,
            _masks(given.get("includeDomains", "")),
            _masks(given.get("excludeDomains", "")),
        )

    def _here(self, public: str, *, is_loopback: bool) -> str:
        """The loopback address that stands for it: 127.0.1.1 for the first, and so on."""
        if is_loopback:
            return public
        if public not in self._addresses:
            number = len(self._addresses)
            # Each block of 256 has 254 addresses that look like a host's.
            self._addresses[public] = str(
                ipaddress.ip_address(_FIRST + number // 254 * 256 + number % 254)
            )
        return self._addresses[public]

    def _number(self, element: Element, name: str) -> float | None:
        text = element.attributes.get(name, "").strip()
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise self._bad(
                element.line, f"<{element.tag} {name}={text!r}> is no number from 0", "Mend it."
            )
        return number

    def _leave(
        self, element: Element, place: str, used: frozenset[str] | set[str] = frozenset()
    ) -> None:
        for name, value in element.attributes.items():
            if name not in used:
                why = _WHY_NOT.get(f"{place}/{name}", "it has no meaning here")
                self._found.left.append(Left(element.line, f"{place}/{name}={value}", why))

    def _bad(self, line: int, what: str, remedy: str) -> BadServerConf:
        return BadServerConf(what, where=Where(str(self._file), line=line), remedy=remedy)


def _masks(text: str) -> tuple[str, ...]:
    """Comma-separated masks; our own syntax knows * and ? as theirs does."""
    return tuple(dict.fromkeys(_each(text)))


def _each(text: str) -> Iterator[str]:
    for part in text.split(","):
        if part.strip():
            yield part.strip().lower()
