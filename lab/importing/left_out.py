"""What of a serverConf.xml has no meaning here, and why.

Names are those of "The server configuration file" in Adobe's documentation of Campaign Classic v7.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from affinity.expected import nearest
from lab.importing.xml_tree import Element

_LOGS = "every attempt is recorded; `mtalab log` and `mtalab export` show it"
_MEMORY = "workers are not restarted for their memory"
_RUN_ALWAYS = "all workers run all the time"
_NO_DNS = "routes stand for DNS"
# element, or element/attribute → the reason; what is not here is not about sending mail.
_WHY: Final = {
    "mta/args": "`mtalab up` starts every configured instance",
    "mta/autoStart": "`mtalab up` starts every configured instance",
    "mta/dataLogPath": "`mtalab inbox` shows what arrived",
    "mta/debugPath": "`mtalab inbox` shows what arrived",
    "mta/dnsRequestLogDelayMs": _NO_DNS,
    "mta/errorPeriodSec": _LOGS,
    "mta/logEmailErrors": _LOGS,
    "mta/logLevel": _LOGS,
    "mta/maxMemoryMb": _MEMORY,
    "mta/maxProcessMemoryAlertMb": _MEMORY,
    "mta/maxProcessMemoryWarningMb": _MEMORY,
    "mta/minConnectionsToLog": _LOGS,
    "mta/minErrorsToLog": _LOGS,
    "mta/minMessagesToLog": _LOGS,
    "mta/processRestartTime": "nothing is restarted by the clock",
    "mta/purgeDataLogDelay": "`mtalab inbox` shows what arrived",
    "mta/retryLostMessages": "parts of a worker that died are always taken back",
    "mta/runLevel": "`mtalab up` starts its processes together",
    "mta/signEmailLinks": "links are not tracked",
    "mta/statServerAddress": "limits are kept by the scheduler; there is no stat server",
    "mta/statServerTLSSupport": "TLS is a key of each MX rule",
    "mta/statServerVersion": "limits are kept by the scheduler; there is no stat server",
    "mta/useMomentum": "the workers here stand for the MTA of the system itself",
    "mta/verifyMode": "the sinks take the place of simulation",
    "mta/workingPath": "data is kept in the lab's own directory",
    "mta/xMailer": "messages say what their source says",
    "relay": "mail goes to the sinks; write a [route] with its host to use it",
    "master/dataBasePoolPeriodSec": "new work is seen at once",
    "master/dataBaseRetryDelaySec": "a store that is away is asked again twice a second",
    "master/domainKeysReloadPeriodSec": "keys are those of [[dkim]], followed as the file changes",
    "master/minSpareServers": _RUN_ALWAYS,
    "master/startSpareServers": _RUN_ALWAYS,
    "child/extraArgs": "workers take no arguments",
    "child/idleChildTimeoutSec": _RUN_ALWAYS,
    "child/maxMsgPerChild": _RUN_ALWAYS,
    "child/maxWorkingSetMb": _MEMORY,
    "child/startWithFirstMX": "hosts of a route are tried by their preference",
    "child/timeToLive": "validity ends the attempts",
    "smtp/maxSessionsPerChild": "connections are limited per lane: see connections and MX rules",
    "smtp/idleSessionTimeoutSec": "5 s here too, and 0.1 s where connections are limited",
    "smtp/initialDelaySec": "1 s here, doubling up to 60",
    "dnsConfig/nameServers": _NO_DNS,
    "dnsConfig/retry": _NO_DNS,
    "dnsConfig/timeout": _NO_DNS,
    "stat": "limits are kept by the scheduler; there is no stat server",
    "inMail": "bounces that come later by mail are not read",
    "sms": "only e-mail is sent",
    "nmac": "only e-mail is sent",
}
# Where a name that nobody knows is more likely a slip than a setting of something else.
_KNOWN: Final = {
    "IPAffinity": ("name", "localDomain", "IP"),
    "IP": ("address", "heloHost", "publicId", "weight", "includeDomains", "excludeDomains"),
}


@dataclass(frozen=True, slots=True)
class Left:
    """Something of the file that was left out, and why."""

    line: int
    what: str
    why: str


def left_out(root: Element) -> list[Left]:
    """All elements and attributes that nobody asked for, in the order of the file.

    Of an element that is left out as a whole, what is in it is not told apart.
    """
    return list(_left(root))


def _left(element: Element) -> Iterator[Left]:
    if not element.is_known:
        yield Left(element.line, element.tag, _why(element.tag))
        return
    for name, value in element.attributes.items():
        if name not in element.read:
            place = f"{element.tag}/{name}"
            yield Left(element.line, f"{place}={value}", _why(place, element.tag, name))
    for child in element.children:
        if element.tag in _KNOWN and not child.is_known:
            place = f"{element.tag}/{child.tag}"
            yield Left(child.line, place, _why(place, element.tag, child.tag))
        else:
            yield from _left(child)


def _why(place: str, tag: str = "", name: str = "") -> str:
    found = _WHY.get(place)
    if found is not None:
        return found
    if tag in _KNOWN:
        return f"nothing of that name is known in <{tag}>{nearest(name, _KNOWN[tag])}"
    return "it is not about sending mail" if not tag else "it has no meaning here"
