"""Whether sinks and doors can listen, or are our own that do."""

from collections.abc import Iterator, Mapping

import psutil

from lab.configuration import Loaded
from lab.doctor.diagnosis import Diagnosis
from lab.doors import doors
from lab.following import accounts
from mail.notation import split_endpoint
from sinks.errors import ListenAddressUnusable
from sinks.listening import bound_socket


def look_at_ports(loaded: Loaded) -> Iterator[Diagnosis]:
    """One finding for each address that the configuration listens on."""
    ours = {each.pid: each.name for each in accounts(loaded.directory)}
    listening = {f"sink {name!r}": each.listen for name, each in loaded.configuration.sink.items()}
    listening |= {door.who: door.listen for door in doors(loaded.configuration)}
    for who, address in listening.items():
        yield _look(who, address, ours)


def _look(who: str, address: str, ours: Mapping[int, str]) -> Diagnosis:
    try:
        bound_socket(who, address).close()
    except ListenAddressUnusable as error:
        pid = _listener(address)
        if pid in ours:
            return Diagnosis("ports", "ok", f"{who} listens on {address} (pid {pid})")
        if pid is None:
            return Diagnosis("ports", "error", error.what, error.remedy)
        return Diagnosis(
            "ports",
            "error",
            f"{who} cannot listen on {address}: {_name(pid)} (pid {pid}) does",
            "End that program, or give another port in the configuration.",
        )
    return Diagnosis("ports", "ok", f"{address} is free for {who}")


def _listener(address: str) -> int | None:
    """Which process listens there; None where that cannot be seen."""
    host, port = split_endpoint(address)
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    for each in connections:
        if each.status != psutil.CONN_LISTEN or not each.laddr:
            continue
        ip, number = each.laddr
        if number == port and ip in (host, "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            return each.pid
    return None


def _name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "another program"
