"""Scenarios, and runs of them, as JSON values."""

import shlex
from dataclasses import asdict
from typing import Any, Final

from lab.playing.gallery import Listed
from lab.playing.runs import PlayedRun

_LISTEN: Final = ("--listen", "127.0.0.1:8030")  # beside the page that tells it


def listed_as_json(each: Listed) -> dict[str, Any]:
    """The shape of a scenario in ``docs/json.md``."""
    return {key: value for key, value in asdict(each).items() if key != "file"}


def run_as_json(run: PlayedRun) -> dict[str, Any]:
    """The shape of a run, without its steps."""
    kept = None if run.outcome is None else run.outcome["kept"]
    again = ["mtalab", "run", str(run.file), "--seed", str(run.seed), "--simulate"]
    look = None if kept is None else ["mtalab", "web", "--config", f"{kept}/mtalab.toml", *_LISTEN]
    return {
        "run": run.number,
        "scenario": run.name,
        "title": run.title,
        "seed": run.seed,
        "began_at": run.began_at,
        "state": run.state,
        "error": run.error,
        "outcome": run.outcome,
        "again": shlex.join(again),
        "look": None if look is None else shlex.join(look),
    }
