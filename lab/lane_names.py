"""Which lanes are meant by a name that people write."""

from fnmatch import fnmatchcase

from affinity.expected import nearest
from mail.errors import UserError, Where
from monitor.lanes import LaneLine


class UnknownLane(UserError):
    """No lane has that name."""


def matching(name: str, known: list[LaneLine]) -> list[str]:
    """The lanes that a name on the command line means.

    Raises:
        UnknownLane: it means none of those that are known.
    """
    source, separator, group = name.replace("/", ">").rpartition(">")
    source = source if separator else "*"
    found = [
        each.lane
        for each in known
        if fnmatchcase(each.mx_group, group) and fnmatchcase(each.source_ip or "*", source)
    ]
    if found:
        return found
    groups = list(dict.fromkeys(each.mx_group for each in known))
    near = nearest(name, [*groups, *(each.lane.replace(">", "/") for each in known)])
    raise UnknownLane(
        f"there is no lane {name!r}{near}",
        where=Where(key="LANE"),
        remedy="`mtalab lane list` shows them. Name an MX group, or a source IP and a group as "
        "127.0.1.1/gmail; 127.0.1.1>gmail needs quotes, or the shell takes it apart.",
    )
