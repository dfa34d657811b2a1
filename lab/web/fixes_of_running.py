"""Buttons for what runs: deliveries, waves, lanes, instances and our own sinks."""

from typing import Any, Final
from urllib.parse import quote

from lab.web.remedy import Around, Fix
from mail.states import DeliveryStatus
from monitor.why.finding import Finding

_ACCEPTS: Final = "accept"
_TLS: Final = "tls"


def confirm(found: Finding, _: Around) -> tuple[Fix, ...]:
    if found.evidence.get("status") != DeliveryStatus.READY:
        return ()
    return (
        Fix(
            "Confirm the delivery",
            f"/api/v1/deliveries/{found.delivery_id}/confirm",
            confirm=f"Send delivery {found.delivery_id}?",
            done="It is confirmed.",
        ),
    )


def resume_delivery(found: Finding, _: Around) -> tuple[Fix, ...]:
    path = f"/api/v1/deliveries/{found.delivery_id}/resume"
    return (Fix("Resume the delivery", path, done="It goes on."),)


def start_wave(found: Finding, _: Around) -> tuple[Fix, ...]:
    number = found.evidence["wave"]
    return (
        Fix(
            f"Start wave {number} now",
            f"/api/v1/deliveries/{found.delivery_id}/waves/{number}/start",
            confirm=f"Start wave {number} of delivery {found.delivery_id} before its time?",
            done="The wave has begun.",
        ),
    )


def start_instances(found: Finding, _: Around) -> tuple[Fix, ...]:
    """Those that were stopped by hand; who was never started is started on its machine."""
    return tuple(
        Fix(f"Start mta@{name}", f"/api/v1/instances/{quote(name, safe='')}/start",
            done=f"mta@{name} may run again.")
        for name in _halted(found.evidence.get("instances", ()))
    )  # fmt: skip


def _halted(instances: Any) -> list[str]:
    return [each["name"].removeprefix("mta@") for each in instances if each["stopped_by"]]


def stop_instance(found: Finding, _: Around) -> tuple[Fix, ...]:
    """One that a signal stopped is let go on, or ended by its instance."""
    if found.earliest_at is not None or "worker" not in found.evidence:
        return ()
    name = str(found.evidence["worker"]).removeprefix("mta@").rpartition("-")[0]
    return (
        Fix(
            f"Stop mta@{name}",
            f"/api/v1/instances/{quote(name, safe='')}/stop",
            confirm=f"Stop mta@{name}? Its mail waits until you start it again.",
            done=f"mta@{name} ends. Start it again when it has.",
        ),
    )


def resume_lanes(found: Finding, _: Around) -> tuple[Fix, ...]:
    return _resuming(found, "Resume", "")


def open_lanes(found: Finding, around: Around) -> tuple[Fix, ...]:
    """The receiver is let accept first, where it is our own."""
    confirm = "Open it before its time? If the receiver still refuses, it shuts again."
    return (*have_sinks_accept(found, around), *_resuming(found, "Open", confirm))


def _resuming(found: Finding, does: str, confirm: str) -> tuple[Fix, ...]:
    lane = str(found.evidence["lane"]).replace(">", "/")
    path = "/api/v1/lanes/resume"
    fixes = [Fix(f"{does} lane {lane}", path, {"lane": lane}, confirm=confirm)]
    if len(found.evidence.get("source_ips", ())) > 1:
        words = f"{does} all lanes to {found.mx_group}"
        fixes.append(Fix(words, path, {"lane": found.mx_group}, confirm=confirm))
    return tuple(fixes)


def have_sinks_accept(found: Finding, around: Around) -> tuple[Fix, ...]:
    return _become(found, around, _ACCEPTS, "accept everything")


def have_sinks_offer_tls(found: Finding, around: Around) -> tuple[Fix, ...]:
    return _become(found, around, _TLS, "offer TLS")


def _become(found: Finding, around: Around, personality: str, words: str) -> tuple[Fix, ...]:
    """For the sinks of this lab that the mail goes to and that run."""
    return tuple(
        Fix(
            f"Have sink {name} {words}",
            f"/api/v1/sinks/{quote(name, safe='')}/personality",
            {"personality": personality},
            method="PUT",
            done=f"Sink {name} does from the next command on; mail that waits goes when it is due.",
        )
        for name in around.sinks_of(found.mx_group)
        if around.personalities.get(name, personality) != personality
    )
