"""Scenarios: which there are, what was played, and one run step by step."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from lab.playing import gallery
from lab.playing.runs import KEPT_MAX, PlayedRun
from lab.shapes.scenario import run_as_json
from lab.web.api.scenarios import RunNumber
from lab.web.lab_here import Here
from lab.web.problems import NotHere
from lab.web.rendering import ENVIRONMENT, page
from mail.notation import said_duration

_MINUTE_S = 60.0

router = APIRouter()


@router.get("/scenarios")
def listed(request: Request, lab: Here) -> HTMLResponse:
    found = gallery.listed(lab.loaded)
    groups = [
        (title, [each for each in found if each.name.startswith(f"{source}/")])
        for source, title in ((gallery.OWN, "Of this lab"), (gallery.GALLERY, "Gallery"))
    ]
    values = {
        "here": "scenarios",
        "title": "Scenarios",
        "groups": groups,
        "runs": [run_as_json(each) for each in lab.runs.all()],
        "kept_max": KEPT_MAX,
        "elapsed": elapsed,
    }
    return page(request, lab, "scenarios.html", values)


@router.get("/scenarios/runs/{run}")
def one(request: Request, lab: Here, run: RunNumber) -> HTMLResponse:
    found = lab.runs.get(run)
    told = lab.runs.steps(run)
    steps = [] if told is None else told["steps"]
    stops = _stops(found, steps)
    chosen = _first_shown(found, steps, stops)
    values = {
        "here": "scenarios",
        "title": found.title,
        "run": run_as_json(found),
        "story": _story(lab, found),
        "steps": steps,
        "stops": stops,
        "chosen": chosen,
        "step": _step(found, told, chosen) if told is not None and steps else None,
        "elapsed": elapsed,
    }
    return page(request, lab, "scenario_run.html", values)


@router.get("/scenarios/runs/{run}/steps/{index}")
def step(lab: Here, run: RunNumber, index: Annotated[int, Path(ge=0, le=10**6)]) -> HTMLResponse:
    """How it stood at one step: a part of a page, for its slider."""
    found, told = lab.runs.get(run), lab.runs.steps(run)
    if told is None or index >= len(told["steps"]):
        raise NotHere(f"run {run} has no step {index}")
    template = ENVIRONMENT.get_template("scenario_step.html")
    return HTMLResponse(template.render(step=_step(found, told, index), elapsed=elapsed))


def _story(lab: Here, run: PlayedRun) -> str:
    return next((each.story for each in gallery.listed(lab.loaded) if each.name == run.name), "")


def _failures(run: PlayedRun) -> Sequence[Mapping[str, Any]]:
    return () if run.outcome is None else run.outcome["failures"]


def _stops(run: PlayedRun, steps: Sequence[Mapping[str, Any]]) -> list[int]:
    """The steps at which something happened, or was not as expected."""
    found = {place for place, each in enumerate(steps) if each["event"] is not None}
    return sorted(found | {_place(steps, each["at"]) for each in _failures(run) if steps})


def _place(steps: Sequence[Mapping[str, Any]], at: float) -> int:
    """The last step before what is expected at a time; events of the same time come after it."""
    place = bisect_right(steps, at, key=lambda each: each["at"]) - 1
    while place > 0 and steps[place]["at"] == at and _is_act(steps[place]["event"]):
        place -= 1
    return max(place, 0)


def _is_act(event: str | None) -> bool:
    return event is not None and not event.startswith("delivery ")


def _first_shown(run: PlayedRun, steps: Sequence[Mapping[str, Any]], stops: Sequence[int]) -> int:
    """What was not as expected, otherwise the last that happened."""
    failures = _failures(run)
    if failures and steps:
        return _place(steps, failures[0]["at"])
    return stops[-1] if stops else max(len(steps) - 1, 0)


def _step(run: PlayedRun, told: Mapping[str, Any], index: int) -> dict[str, Any]:
    """One step as it is shown, with what had happened by then."""
    steps = told["steps"]
    chosen = steps[index]
    happened = [
        {"at": each["at"], "what": each["event"], "is_now": place == index, "is_bad": False}
        for place, each in enumerate(steps[: index + 1])
        if each["event"] is not None
    ]
    for each in _failures(run):
        place = _place(steps, each["at"])
        if place <= index:
            what = f"{each['what']}: expected {each['expected']}, seen {each['seen']}"
            happened.append(
                {"at": each["at"], "what": what, "is_now": place == index, "is_bad": True}
            )
    happened.sort(key=lambda each: each["at"])
    counts = chosen["counts"]
    said = ", ".join(
        f"{count:,} {status}"
        for status, count in counts.items()
        if count or status in ("pending", "sent", "failed")
    )
    return {
        **chosen,
        "index": index,
        "date": datetime.fromtimestamp(told["begins"] + chosen["at"], UTC),
        "messages": sum(counts.values()),
        "happened": happened,
        "said": f"after {elapsed(chosen['at'])}: {said}",
    }


def elapsed(seconds: float) -> str:
    """How long after the beginning, for people."""
    return f"{seconds:.3g} s" if seconds < _MINUTE_S else said_duration(seconds)
