"""What each request about a lab does: one short function for each kind."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from affinity.errors import Mistake
from affinity.expected import nearest
from lab.scenario import acts
from lab.scenario.outcome import Failure
from lab.scenario.schema import Expectation
from lab.serving import answers, requests, submitting
from lab.serving.errors import BadRequest
from lab.serving.held import HeldLab
from lab.serving.requests import checked


def _submit(held: HeldLab, asked: requests.Submit) -> Any:
    name, done = submitting.submit(held, asked)
    return {
        "name": name,
        "id": done.delivery_id,
        "messages": done.messages,
        "duplicates": done.duplicates,
        "quarantined": done.quarantined,
        "warnings": list(done.warnings),
    }


# --- time ----------------------------------------------------------------------------------------


def _run(held: HeldLab, asked: requests.Run) -> Any:
    held.drive(held.advance(asked.seconds))
    return _passed(held)


def _run_until_done(held: HeldLab, asked: requests.RunUntilDone) -> Any:
    numbers = [held.number_of(each) for each in asked.deliveries]
    known = [each for each in numbers if each is not None]
    is_done = held.drive(held.until_done(known, asked.within))
    return {"done": is_done, **_passed(held)}


def _play(held: HeldLab, _: requests.Play) -> Any:
    held.drive(held.run.finish())
    return _passed(held)


def _passed(held: HeldLab) -> dict[str, Any]:
    return {"elapsed": held.elapsed, "failures": _failures(held.new_failures())}


# --- what happens --------------------------------------------------------------------------------


def _do(held: HeldLab, asked: requests.Do) -> Any:
    kind = asked.event.get("do")
    model = acts.KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        what = f"there is no event {kind!r}{nearest(str(kind), acts.KINDS)}"
        raise BadRequest([Mistake("act", None, "", what)])
    act: Any = checked(model, {"at": held.elapsed, **asked.event}, f"act {kind!r}")
    held.do(act)
    return {"elapsed": held.elapsed}


def _expect(held: HeldLab, asked: requests.Expect) -> Any:
    expected = checked(Expectation, asked.expect, "expect")
    held.number_of(expected.delivery)
    return {"failures": _failures(held.run.expecting.check(expected))}


def _failures(failures: list[Failure]) -> list[dict[str, Any]]:
    return [
        {
            "at": each.at,
            "what": each.what,
            "expected": each.expected,
            "seen": each.seen,
            "why": list(each.why),
            "text": str(each),
        }
        for each in failures
    ]


DOES: Final[Mapping[type, Callable[[HeldLab, Any], Any]]] = {
    requests.State: lambda held, _: answers.state(held),
    requests.Submit: _submit,
    requests.Run: _run,
    requests.RunUntilDone: _run_until_done,
    requests.Play: _play,
    requests.Do: _do,
    requests.Expect: _expect,
    requests.Counts: lambda held, asked: answers.counts(held, held.number_of(asked.delivery)),
    requests.Deliveries: lambda held, _: answers.all_deliveries(held),
    requests.Messages: answers.messages,
    requests.Transitions: lambda held, asked: answers.transitions(held, asked.message),
    requests.Inbox: lambda held, asked: list(answers.received(held, asked)),
    requests.Why: lambda held, asked: answers.why(
        held, held.number_of(asked.delivery), asked.message
    ),
    requests.Events: lambda held, _: answers.events(held),
    requests.Reconcile: lambda held, _: answers.reconciliation(held),
    requests.Said: lambda held, _: {"lines": held.said()},
}
