"""``/api/v1/chaos``: all running sinks refuse some senders or recipients.

Each sink takes a personality that extends the one that it has, named ``chaos over NAME``; what it
was told stands in its description, so that the sinks alone know what holds, and forget it when they
end.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError

from lab.web.changing import Changeable
from lab.web.inbox_api.speaking import Body, SpokenAsText, object_in, problem_with
from lab.web.lab_here import Here, LabHere
from sinks.catalogue import personality_named
from sinks.control import ask
from sinks.faults import Refusal
from sinks.settings import Personality

router = APIRouter(route_class=SpokenAsText)
_OVER: Final = "chaos over "
_SAID: Final = re.compile(r"(\w+) (\d{3}) for (\d+)%")
_CODES: Final = {"Sender": 451, "Recipient": 451, "Authentication": 535}
# Sinks ask nobody who they are, so nobody can fail in it; Mailpit without users is the same.
_STAGES: Final[Mapping[str, Any]] = {"Sender": "mail", "Recipient": "rcpt"}


class Trigger(BaseModel):
    """With which code, and in how many cases of a hundred."""

    code: int = Field(alias="errorcode", ge=400, le=599)
    probability: int = Field(default=0, ge=0, le=100)


Triggers = dict[str, Trigger]


@router.get("/chaos")
def told(lab: Here) -> dict[str, dict[str, int]]:
    return _form(_current(lab))


@router.put("/chaos")
def tell(lab: Changeable, body: Body) -> dict[str, dict[str, int]]:
    """What is not named is off."""
    given = object_in(body)
    triggers = {name: _trigger(name, given.get(name.lower())) for name in _CODES}
    for each in _sinks(lab):
        _set(lab, each["sink"], each["personality"].removeprefix(_OVER), triggers)
    return _form(triggers)


def _trigger(name: str, given: Any) -> Trigger:
    fields = {key.lower(): value for key, value in given.items()} if isinstance(given, dict) else {}
    fields["errorcode"] = fields.get("errorcode") or _CODES[name]
    try:
        return Trigger.model_validate(fields)
    except ValidationError as error:
        raise problem_with(error) from error


def _set(lab: LabHere, sink: str, base: str, triggers: Triggers) -> None:
    own = dict(lab.loaded.configuration.personality)
    name = base
    if any(each.probability for each in triggers.values()):
        name = _OVER + base
        own[name] = _refusing(personality_named(base, own), base, triggers)
    ask(
        lab.loaded.directory,
        {
            "do": "set",
            "sink": sink,
            "personality": name,
            "personalities": {
                key: each.model_dump(mode="json", exclude_unset=True) for key, each in own.items()
            },
        },
    )


def _refusing(base: Personality, name: str, triggers: Triggers) -> Personality:
    said = ", ".join(f"{key} {each.code} for {each.probability}%" for key, each in triggers.items())
    refusals = tuple(
        Refusal(
            stage=_STAGES[key],
            reply=f"{each.code} Chaos {key.lower()} error",
            share=each.probability / 100,
        )
        for key, each in triggers.items()
        if key in _STAGES and each.probability
    )
    return Personality(extends=name, description=said, refuse=(*refusals, *base.refuse))


def _current(lab: LabHere) -> Triggers:
    for each in _sinks(lab):
        if each["personality"].startswith(_OVER):
            return {
                name: Trigger(errorcode=int(code), probability=int(share))
                for name, code, share in _SAID.findall(each["description"])
            }
    return {name: Trigger(errorcode=code) for name, code in _CODES.items()}


def _sinks(lab: LabHere) -> list[dict[str, Any]]:
    return list(ask(lab.loaded.directory, {"do": "list"})["sinks"])


def _form(triggers: Triggers) -> dict[str, dict[str, int]]:
    return {
        name: {"ErrorCode": each.code, "Probability": each.probability}
        for name, each in triggers.items()
    }
