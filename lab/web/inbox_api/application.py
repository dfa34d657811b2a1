"""``/api/v1/info`` and ``/api/v1/webui``: what there is, and what is turned on."""

from importlib.metadata import version
from typing import Any

import psutil
from fastapi import APIRouter

from lab.web.inbox_api.speaking import SpokenAsText
from lab.web.lab_here import Here, LabHere
from sinks.control import ask
from sinks.errors import SinksNotRunning

router = APIRouter(route_class=SpokenAsText)


@router.get("/info")
def info(lab: Here) -> dict[str, Any]:
    counts = lab.inbox.counts()
    folder = lab.loaded.directory / "inbox"
    ours = f"mtalab {version('mtalab')}"
    sinks = _running(lab)
    return {
        "Version": ours,
        "LatestVersion": ours,  # nobody is asked for another
        "Database": str(folder),
        "DatabaseSize": sum(each.stat().st_size for each in folder.glob("*")),
        "Messages": counts.total,
        "Unread": counts.unread,
        "Tags": counts.tags,
        "RuntimeStats": {
            "Uptime": round(lab.clock.now() - lab.since),
            "Memory": psutil.Process().memory_info().rss,
            "MessagesDeleted": counts.deleted,
            "SMTPAccepted": sum(each["accepted"] for each in sinks),
            "SMTPAcceptedSize": sum(each.stat().st_size for each in folder.glob("*.contents")),
            "SMTPRejected": sum(each["refused"] for each in sinks),
            "SMTPIgnored": 0,
        },
    }


@router.get("/webui")
def webui(lab: Here) -> dict[str, Any]:
    return {
        "Label": lab.loaded.configuration.lab.name,
        "MessageRelay": {
            "Enabled": False,
            "SMTPServer": "",
            "ReturnPath": "",
            "AllowedRecipients": "",
            "BlockedRecipients": "",
            "OverrideFrom": "",
            "PreserveMessageIDs": False,
        },
        "SpamAssassin": False,
        "ChaosEnabled": bool(_running(lab)),
        "DuplicatesIgnored": False,
        "HideDeleteAllButton": False,
    }


def _running(lab: LabHere) -> list[dict[str, Any]]:
    """What the sinks that run tell; none of a lab that does not."""
    if lab.is_kept:
        return []
    try:
        return list(ask(lab.loaded.directory, {"do": "list"})["sinks"])
    except SinksNotRunning:
        return []
