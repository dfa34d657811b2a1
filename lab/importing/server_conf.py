"""Adobe Campaign Classic's serverConf.xml: what of it has a meaning here.

Element and attribute names and their defaults are those of "The server configuration file" in
Adobe's documentation of Campaign Classic v7.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from affinity.errors import Mistake
from affinity.mask import valid_mask
from lab.importing.errors import BadServerConf
from lab.importing.left_out import Left, left_out
from lab.importing.loopback import as_loopback
from lab.importing.xml_tree import Element, read_xml
from mail.address import BadAddress, canonical_domain

_WORKERS_MAX: Final = 64
_NAME: Final = re.compile(r"config-([A-Za-z0-9_-]+)\.xml")
_VISIBLE: Final = re.compile(r"[!-~]*")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_REMEDY: Final = "Mend the file; nothing of it was used."

_Value = TypeVar("_Value")


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
    tls: bool = False  # enableTLS' default
    left: list[Left] = field(default_factory=list)


def read_server_conf(file: Path, instance: str | None = None) -> ServerConf:
    """Read the file.

    Args:
        file: serverConf.xml or config-INSTANCE.xml.
        instance: what to call the MTA instance; by default as the file's name says, or ``mta``.

    Raises:
        BadServerConf: it cannot be read, has no IP affinity, or impossible values, each of which is
            told; nothing of it is then used.
    """
    root = read_xml(file)
    named = _NAME.fullmatch(file.name)
    found = ServerConf(instance or (named[1] if named else "mta"))
    return _Reading(file, root, found).read()


class _Reading:
    """One file on its way."""

    def __init__(self, file: Path, root: Element, found: ServerConf) -> None:
        self._file, self._root, self._found = file, root, found
        self._mistakes: list[Mistake] = []
        self._notes: list[Left] = []  # what was used, but not as it stands

    def read(self) -> ServerConf:
        found, root = self._found, self._root
        root.is_known = True
        mtas = self._only_one("mta", [root] if root.tag == "mta" else root.all("mta"))
        if not mtas:
            self._wrong(root, "has no <mta> element: is it a serverConf.xml?")
        for mta in mtas:
            self._master(mta)
            self._child(mta)
            self._affinities(mta)
        for dns in self._only_one("dnsConfig", root.all("dnsConfig")):
            found.local_domain = self._domain(dns, "localDomain")
        if self._mistakes:
            mistakes = sorted(self._mistakes, key=lambda each: each.line or 0)
            raise BadServerConf(mistakes, _REMEDY)
        found.left = sorted([*left_out(root), *self._notes], key=lambda each: each.line)
        return found

    def _only_one(self, tag: str, there: list[Element]) -> list[Element]:
        """Two of them would contradict each other, and which one holds is not ours to guess."""
        for each in there[1:]:
            self._wrong(each, f"<{tag}> is there twice: the first is in line {there[0].line}")
        return there[:1]

    def _master(self, mta: Element) -> None:
        for master in self._only_one("master", mta.all("master")):
            number = self._number(master, "maxSpareServers")
            if number is None:
                continue
            self._found.workers = max(1, min(int(number), _WORKERS_MAX))
            if self._found.workers != number:
                why = f"1 to {_WORKERS_MAX} workers are possible: {self._found.workers} it is"
                what = f"master/maxSpareServers={number:g}"
                self._notes.append(Left(master.line, what, why))

    def _child(self, mta: Element) -> None:
        for child in self._only_one("child", mta.all("child")):
            self._found.hold_s = self._number(child, "maxAgeSec", at_least=1)
            window = self._number(child, "maxWaitingMessages", at_least=1)
            self._found.lane_window = None if window is None else int(window)
        for smtp in self._only_one("smtp", mta.all("smtp")):
            self._found.tls = self._boolean(smtp, "enableTLS")

    def _affinities(self, mta: Element) -> None:
        elements = mta.all("IPAffinity")
        if not elements:
            self._wrong(mta, "has no <IPAffinity>; they stand in <mta><child><smtp>")
        ips = [ip for each in elements for ip in each.all("IP")]
        here = as_loopback(ip.take("address") for ip in ips)
        for element in elements:
            self._affinity(element, here)

    def _affinity(self, element: Element, here: dict[str, str]) -> None:
        names = [each.strip() for each in element.take("name").split(";")]
        domain = self._helo(element, "localDomain")
        ips = [self._ip(each, domain, here) for each in element.all("IP")]
        if not all(names):
            self._wrong(element, "<IPAffinity> has no name, or an empty one between semicolons")
        called = f"affinity {';'.join(names)!r}"
        if not ips:
            self._wrong(element, f"{called} has no <IP>")
        elif not any(ip.weight for ip in ips):
            self._wrong(element, f"{called}: all its IPs have weight 0, so nothing could be sent")
        for public, times in Counter(ip.public for ip in ips).items():
            if times > 1:
                self._wrong(element, f"{called} has {public} more than once")
        for name in names:
            if name in self._found.affinities:
                self._wrong(element, f"affinity {name!r} is there twice")
            self._found.affinities[name] = tuple(ips)

    def _ip(self, element: Element, local_domain: str, here: dict[str, str]) -> ImportedIp:
        written = element.take("address")
        try:
            public = str(ipaddress.ip_address(written))
        except ValueError:
            self._wrong(element, f"<IP address={written!r}> is no IP address")
            public = written
        weight = self._number(element, "weight", is_whole=False)
        number = self._number(element, "publicId")
        return ImportedIp(
            here.get(public, public),
            public,
            self._helo(element, "heloHost") or local_domain,
            None if number is None else int(number),
            1.0 if weight is None else weight,
            self._masks(element, "includeDomains"),
            self._masks(element, "excludeDomains"),
        )

    # --- values ----------------------------------------------------------------------------------

    def _number(
        self, element: Element, name: str, *, at_least: int = 0, is_whole: bool = True
    ) -> float | None:
        text = element.take(name)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not at_least <= number < float("inf") or (is_whole and number != int(number)):
            kind = "whole number" if is_whole else "number"
            self._wrong(element, f"<{element.tag} {name}={text!r}> is no {kind} from {at_least}")
            return None
        return number

    def _boolean(self, element: Element, name: str) -> bool:
        text = element.take(name)
        found = _BOOLEANS.get(text.lower())
        if found is None and text:
            self._wrong(element, f"<{element.tag} {name}={text!r}> is neither true nor false")
        return bool(found)

    def _helo(self, element: Element, name: str) -> str:
        """It is written into a command, so nothing but visible ASCII will do."""
        text = element.take(name)
        if _VISIBLE.fullmatch(text) is None:
            self._wrong(element, f"<{element.tag} {name}={text!r}> is no host name")
        return text

    def _domain(self, element: Element, name: str) -> str | None:
        text = element.take(name)
        return self._valid(element, name, text, canonical_domain) if text else None

    def _masks(self, element: Element, name: str) -> tuple[str, ...]:
        """Comma-separated masks; our own syntax knows * and ? as theirs does."""
        texts = dict.fromkeys(_parts(element.take(name)))
        masks = (self._valid(element, name, each, valid_mask) for each in texts)
        return tuple(each for each in masks if each is not None)

    def _valid(
        self, element: Element, name: str, text: str, check: Callable[[str], _Value]
    ) -> _Value | None:
        try:
            return check(text)
        except (BadAddress, ValueError) as error:
            said = str(error).splitlines()[0]
            self._wrong(element, f"<{element.tag} {name}>: {text!r}: {said}")
            return None

    def _wrong(self, element: Element, what: str) -> None:
        self._mistakes.append(Mistake(str(self._file), element.line, "", what))


def _parts(text: str) -> Iterator[str]:
    for part in text.split(","):
        if part.strip():
            yield part.strip().lower()
