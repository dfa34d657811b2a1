"""``/api/v1/configuration``: the file, the values in force, and what is changed of them."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from affinity.errors import BadConfiguration
from lab.editing.change import FindsErrors, change
from lab.editing.shown import without_passwords
from lab.web.api.steering import BY
from lab.web.changing import Changeable
from lab.web.lab_here import Here
from lab.web.problems import WebRefusal
from mail.errors import UserError
from store import audit

router = APIRouter(tags=["configuration"])


class Shown(BaseModel):
    """The text of the file as it is now; the values that this server goes by."""

    file: str
    text: str
    in_force: bool = Field(description="Whether the values are those of this text.")
    values: dict[str, Any]
    overridden: list[str] = Field(description="Keys that the environment or a flag sets.")


class Wanted(BaseModel):
    """Keys of the file and their new values; null removes one."""

    model_config = {"extra": "forbid"}

    set: dict[str, Any] = Field(
        min_length=1,
        max_length=100,
        description="Dotted keys as they stand in the file; elements of lists by their number.",
        examples=[{"mta.promo1.affinities": ["news", "promo"]}],
    )


class Refused(WebRefusal):
    """What is wrong with a change, one by one."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, error: UserError, told: list[dict[str, Any]]) -> None:
        self.errors = told
        super().__init__(error.what, where=error.where, remedy=error.remedy)


class NotValid(Refused):
    """The file would not be valid."""


class CannotWork(Refused):
    """What the file says could not work."""


@router.get("/configuration")
def shown(lab: Here) -> Shown:
    """The configuration file and the values in force, without passwords."""
    loaded = lab.loaded
    text = loaded.path.read_text(encoding="utf-8") if loaded.path.exists() else loaded.text
    return Shown(
        file=loaded.path.name,
        text=without_passwords(text),
        in_force=text == loaded.text,
        values=without_passwords(loaded.configuration.model_dump(mode="json")),
        overridden=sorted(loaded.given),
    )


@router.post("/configuration")
def changed(lab: Changeable, wanted: Wanted) -> dict[str, Any]:
    """Change the file, comments kept, and have the lab follow, as `mtalab config apply`.

    Refused whole when the file would not be valid, or when lint finds an error that it has not now.
    """
    try:
        done = change(lab.loaded, wanted.set, lab.clock)
    except BadConfiguration as error:
        told = [{"where": each.key, "what": each.what} for each in error.mistakes]
        raise NotValid(error, told) from error
    except FindsErrors as error:
        raise CannotWork(error, [each.as_json() for each in error.found]) from error
    keys = ", ".join(each.key for each in done.edits)
    if keys:
        lab.write(audit.note, lab.now(), f"{lab.loaded.path.name} was changed by {BY}: {keys}")
    follows = bool(done.processes) and all(each.state == "follows" for each in done.processes)
    return {
        "ok": (follows or done.restarts) and not done.errors,
        "file": lab.loaded.path.name,
        "changed": [without_passwords(asdict(each)) for each in done.edits],
        "errors": [each.as_json() for each in done.errors],
        "processes": [asdict(each) for each in done.processes],
        "restarts": done.restarts,
    }
