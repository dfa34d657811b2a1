"""``/api/v1/sinks``: the receiving servers as they run, and how they behave."""

import contextlib
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from lab.web.changing import Changeable
from lab.web.lab_here import Here
from sinks.catalogue import built_in_personalities, personality_named
from sinks.control import ask
from sinks.errors import SinksNotRunning

router = APIRouter(tags=["sinks"])


class Become(BaseModel):
    """How a sink shall behave from now on."""

    model_config = {"extra": "forbid"}

    personality: str = Field(min_length=1, max_length=100, examples=["greylister"])


@router.get("/sinks")
def listed(lab: Here) -> dict[str, Any]:
    """The sinks that run; those of the configuration where none do."""
    own = lab.loaded.configuration.sink
    if not lab.is_kept:
        with contextlib.suppress(SinksNotRunning):
            return {"running": True, "sinks": ask(lab.loaded.directory, {"do": "list"})["sinks"]}
    found = [
        {"sink": name, "address": each.listen, "personality": each.personality}
        for name, each in own.items()
    ]
    return {"running": False, "sinks": found}


@router.get("/personalities")
def personalities(lab: Here) -> dict[str, Any]:
    """Built-in personalities and the lab's own, each in one line."""
    own = lab.loaded.configuration.personality
    every = {**built_in_personalities(), **own}
    return {
        "personalities": [
            {"name": name, "built_in": name not in own, "description": each.description}
            for name, each in every.items()
        ]
    }


@router.put("/sinks/{name}/personality")
def become(lab: Changeable, name: str, wanted: Become) -> dict[str, Any]:
    """Let a running sink behave otherwise from the next command on; it forgets nothing."""
    own = lab.loaded.configuration.personality
    personality_named(wanted.personality, own)  # refused with the names that there are
    request = {
        "do": "set",
        "sink": name,
        "personality": wanted.personality,
        "personalities": {
            key: each.model_dump(mode="json", exclude_unset=True) for key, each in own.items()
        },
    }
    ask(lab.loaded.directory, request)
    return {"sink": name, "personality": wanted.personality}
