"""``/api/v1/lanes``, ``/instances`` and ``/plan``: what is done to the ways of mail."""

import math
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from lab.acting import instances
from lab.acting.outlooks import outlook
from lab.lane_names import matching
from lab.shapes.lane import suspension
from lab.shapes.plan import as_json as plan_as_json
from lab.web.api.steering import BY
from lab.web.asked import BadQuestion, seconds_of
from lab.web.changing import Changeable
from lab.web.lab_here import Here
from mail.errors import Where
from monitor.lanes import configured_lanes, lane_lines
from monitor.plan import Effect, forecast
from store import lanes

router = APIRouter(tags=["acting"])
WAIT_MAX_S: Final = 60.0


class Suspend(BaseModel):
    """Which lanes nothing is to be sent on, how long and why."""

    model_config = {"extra": "forbid", "validate_by_name": True, "validate_by_alias": True}

    lane: str = Field(
        min_length=1,
        max_length=200,
        examples=["127.0.1.1/gmail"],
        description="An MX group, for all its lanes; or one lane. * and ? may stand in.",
    )
    length: str | None = Field(
        default=None,
        alias="for",
        max_length=50,
        examples=["10m"],
        description="Without it: until it is resumed.",
    )
    because: str = Field(default="", max_length=500)


class Resume(BaseModel):
    """Which lanes are sent on again."""

    model_config = {"extra": "forbid"}

    lane: str = Field(min_length=1, max_length=200)


class Suspended(BaseModel):
    """A suspended lane; ``suspended_until`` null: until it is resumed."""

    lane: str
    suspended_until: float | None
    because: str


class SuspendedLanes(BaseModel):
    """The lanes as they are now."""

    lanes: list[Suspended]


class ResumedLanes(BaseModel):
    """Names of the lanes that had been suspended."""

    resumed: list[str]


class Patience(BaseModel):
    """How long to wait until it is so."""

    model_config = {"extra": "forbid"}

    within: str = Field(default="0s", max_length=50, description="At most 60s.", examples=["10s"])

    def seconds(self) -> float:
        found = seconds_of("within", self.within)
        if found > WAIT_MAX_S:
            raise BadQuestion(
                f"{self.within} is too long", where=Where(key="within"), remedy="At most 60s."
            )
        return found


class Instance(BaseModel):
    """Whether something changed, and how many workers of it live."""

    instance: str
    changed: bool
    workers: int


@router.post("/lanes/suspend", response_model=SuspendedLanes)
def suspend(lab: Changeable, wanted: Suspend) -> dict[str, Any]:
    """Send nothing more on lanes; what waits there waits, other lanes take their turns."""
    now = lab.now()
    length_s = math.inf if wanted.length is None else seconds_of("for", wanted.length, least=1e-3)
    keys = matching(wanted.lane, configured_lanes(lab.loaded.configuration))
    because = " ".join(wanted.because.split())
    done = lab.write(lanes.suspend, keys, now + length_s, because, BY, now)
    return {"lanes": [suspension(each) for each in done]}


@router.post("/lanes/resume")
def resume(lab: Changeable, wanted: Resume) -> ResumedLanes:
    """End the suspension of lanes; those that were not suspended stay as they are."""
    now = lab.now()
    keys = matching(wanted.lane, lane_lines(lab.store, lab.loaded.configuration, now))
    return ResumedLanes(resumed=lab.write(lanes.resume, keys, BY, now))


@router.post("/instances/{name}/stop")
def stop(lab: Changeable, name: str, patience: Patience | None = None) -> Instance:
    """Stop an instance until it is started again; its mail waits, through restarts too."""
    within_s = (patience or Patience()).seconds()
    done = instances.stop(lab.loaded, lab.store, lab.clock, name, BY, within_s)
    return Instance(instance=name, changed=done.is_new, workers=done.left)


@router.post("/instances/{name}/start")
def start(lab: Changeable, name: str, patience: Patience | None = None) -> Instance:
    """Start an instance that was stopped by hand."""
    within_s = (patience or Patience()).seconds()
    done = instances.start(lab.loaded, lab.store, lab.clock, name, BY, within_s)
    return Instance(instance=name, changed=done.is_new, workers=done.running)


@router.get("/plan")
def plan(lab: Here) -> dict[str, Any]:
    """What the configuration there is would do to queued mail that was planned by another."""
    now, file = lab.now(), str(lab.loaded.path.name)
    there = outlook(lab.store, lab.loaded, now)
    found = forecast(lab.store, there, there)
    is_ok = not found.messages()[Effect.STUCK]
    return {"ok": is_ok, "file": file, "new": file, **plan_as_json(found)}
