"""Requests answered: which lab they are about, what is done, what is told of what went wrong."""

import traceback
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import orjson

from lab.serving import answers, requests
from lab.serving.doing import DOES
from lab.serving.errors import NoSuchLab, NoSuchRequest, OtherProtocol
from lab.serving.held import HeldLab, hold
from lab.serving.making import Cases
from lab.serving.requests import KINDS, request_of
from mail.cause import Cause, Progress
from mail.errors import EnvironmentFault, MtalabError, UserError
from world.clock import Clock

PROTOCOL: Final = 1  # grows when an older plugin would misunderstand; docs/pytest.md

Answer = Mapping[str, Any]


class Service:
    """All labs of one test run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cases = Cases()
        self._labs: dict[int, HeldLab] = {}
        self._made = 0

    def answer(self, line: bytes) -> bytes:
        """The line that answers a line; never an exception."""
        number: Any = None
        try:
            asked = _object(line)
            number = asked.pop("id", None)
            answer: dict[str, Any] = {"id": number, "ok": self._do(asked)}
        except orjson.JSONDecodeError as error:
            answer = {"id": number, "error": _user(f"a line is no JSON: {error}")}
        except UserError as error:
            answer = {"id": number, "error": _explained(error, "user")}
        except EnvironmentFault as error:
            answer = {"id": number, "error": _explained(error, "environment")}
        except Exception as error:  # noqa: BLE001 - a mistake of ours is told, and ends one test
            answer = {"id": number, "error": _bug(error)}
        return orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS, default=str) + b"\n"

    def close(self) -> None:
        """End all labs."""
        for held in list(self._labs.values()):
            held.close()
        self._labs.clear()

    def _do(self, asked: dict[str, Any]) -> Any:
        request = request_of(asked.pop("do", None), asked)
        if isinstance(request, requests.Hello):
            return _greeting(request)
        if isinstance(request, requests.Make):
            return self._make(request)
        assert isinstance(request, requests.OfLab)
        held = self._labs.get(request.lab)
        if held is None:
            raise NoSuchLab(request.lab)
        if isinstance(request, requests.Close):
            del self._labs[request.lab]
            held.close()
            return {}
        return DOES[type(request)](held, request)

    def _make(self, request: requests.Make) -> Answer:
        case = self._cases.of(request)
        is_file = request.scenario is not None
        held = hold(case, request.mode, request.seed, self._clock, begins=is_file)
        self._made += 1
        self._labs[self._made] = held
        return {"lab": self._made, "name": case.name, **answers.state(held)}


def _object(line: bytes) -> dict[str, Any]:
    found = orjson.loads(line)
    if not isinstance(found, dict):
        raise NoSuchRequest(found, KINDS)
    return found


def _greeting(hello: requests.Hello) -> Answer:
    own = version("mtalab")
    if hello.protocol != PROTOCOL:
        raise OtherProtocol(
            f"mtalab {own} speaks protocol {PROTOCOL} with its plugin, which speaks "
            f"{hello.protocol} (mtalab {hello.plugin or 'of some version'})",
            remedy="Install mtalab here and the one that MTALAB_BIN names in one version.",
        )
    codes = [str(each) for each in (*Cause, *Progress)]
    return {"protocol": PROTOCOL, "version": own, "causes": codes}


def _explained(error: UserError | EnvironmentFault, kind: str) -> Answer:
    return {
        "name": type(error).__name__,
        "kind": kind,
        "what": error.what,
        "where": None if error.where is None else str(error.where),
        "remedy": error.remedy,
        "text": str(error),
    }


def _user(what: str) -> Answer:
    return {
        "name": "BadRequest", "kind": "user", "what": what, "where": None, "remedy": "",
        "text": what,
    }  # fmt: skip


def _bug(error: Exception) -> Answer:
    words = f"{type(error).__name__}: {error}"
    return {
        "name": type(error).__name__,
        "kind": "illegal" if isinstance(error, MtalabError) else "bug",
        "what": words,
        "where": None,
        "remedy": "",
        "text": words,
        "trace": "".join(traceback.format_exception(error)),
    }
