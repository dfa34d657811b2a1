"""``/api/v1/scenarios``: those that can be played by name, and their runs in the simulation."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from lab.playing import gallery
from lab.playing.runs import TooManyRuns
from lab.shapes.scenario import listed_as_json, run_as_json
from lab.web.changing import Changeable
from lab.web.lab_here import Here
from lab.web.problems import WebRefusal

_SEED_MAX = 2**53 - 1  # what every reader of JSON can hold
RunNumber = Annotated[int, Path(ge=1, le=10**9, description="Number of the run.")]

router = APIRouter(tags=["scenarios"])


class ScenariosBusy(WebRefusal):
    """As many are played as may be at once."""

    status = HTTPStatus.CONFLICT


class Wanted(BaseModel):
    """Which scenario is to be played; either of the two."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(
        default=None, min_length=1, max_length=300, examples=["gallery/greylisted"]
    )
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=1_000_000,
        description="Of a scenario file; it may name no other files.",
    )
    seed: int | None = Field(default=None, ge=0, le=_SEED_MAX, description="Default: its own.")

    @model_validator(mode="after")
    def _says_which(self) -> "Wanted":
        if (self.name is None) == (self.text is None):
            raise ValueError("expected either name or text")
        return self


@router.get("/scenarios")
def listed(lab: Here) -> dict[str, Any]:
    """Those of the lab's folder `scenarios`, and the gallery that comes with mtalab."""
    return {"scenarios": [listed_as_json(each) for each in gallery.listed(lab.loaded)]}


@router.post("/scenarios/runs", status_code=HTTPStatus.CREATED)
def play(lab: Changeable, wanted: Wanted) -> dict[str, Any]:
    """Play one in the simulation, beside this lab, which it does not touch."""
    try:
        if wanted.name is None:
            number = lab.runs.play_text(wanted.text or "", wanted.seed)
        else:
            found = gallery.find(lab.loaded, wanted.name)
            number = lab.runs.play(found.file, found.name, wanted.seed)
    except TooManyRuns as error:
        raise ScenariosBusy(error.what, remedy=error.remedy) from error
    return run_as_json(lab.runs.get(number))


@router.get("/scenarios/runs")
def runs(lab: Here) -> dict[str, Any]:
    """All runs that are kept, the newest first."""
    return {"runs": [run_as_json(each) for each in lab.runs.all()]}


@router.get("/scenarios/runs/{run}")
def run(lab: Here, run: RunNumber) -> dict[str, Any]:
    """One run: what came of it, and how it stood step by step."""
    found = lab.runs.get(run)
    told = lab.runs.steps(run) or {"begins": None, "steps": []}
    return {**run_as_json(found), "begins": told["begins"], "steps": told["steps"]}
