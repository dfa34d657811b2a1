"""The log of a process: lines for people, or one JSON object a line for programs; by structlog."""

import logging
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Literal, TextIO

import orjson

from world.clock import Clock
from world.log import Log

Form = Literal["text", "json"]
_Render = Callable[[object, str, MutableMapping[str, Any]], str]

_MARKS: Final = {"warning": "warning: ", "error": "error: "}
_COLOURS: Final = {"warning": "\x1b[33m", "error": "\x1b[31m"}
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
_FIRST: Final = ("time", "level", "module", "pid", "event", "note")


def make_log(file: TextIO, form: Form, module: str, clock: Clock) -> Log:
    """A log to an open file; ``module`` is who speaks (``scheduler``, ``mta@promo1-7``)."""
    import structlog  # a tenth of a second, which most commands can do without

    writer = _Writer(file)

    def stamp(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        unwritten = {"unwritten": writer.unwritten} if writer.unwritten else {}
        return {"time": round(clock.now(), 3), **event, **unwritten}

    render: _Render = _as_json if form == "json" else _for_people(coloured=file.isatty())
    logger: Log = structlog.wrap_logger(
        writer,
        processors=[structlog.processors.add_log_level, stamp, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        module=module,
        pid=os.getpid(),
    )
    return logger


def start_log(form: Form, module: str, clock: Clock) -> Log:
    """The log of this process, on stderr; what libraries log or a bug raises goes there too."""
    log = make_log(sys.stderr, form, module, clock)
    logging.basicConfig(handlers=[_Forward(log, form)], level=logging.WARNING, force=True)
    if form == "json":

        def hook(
            _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
        ) -> None:
            log.error("crashed", note=str(error), exception=_traceback(error))

        sys.excepthook = hook
    return log


def speaks_json() -> bool:
    """Whether all that this process says on stderr has to be JSON."""
    return any(
        isinstance(each, _Forward) and each.form == "json" for each in logging.getLogger().handlers
    )


def complain(log: Log, error: Exception) -> None:
    """A changed configuration cannot be used."""
    log.warning("configuration_refused", note=f"the changed configuration is not used:\n{error}")


class _Writer:
    """Writes lines. Mail goes on where nobody can listen: a closed terminal, a full disk.

    ``unwritten`` counts what then comes late or never; the next line that is written says it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.unwritten = 0

    def msg(self, line: str) -> None:
        try:
            self._file.write(f"{line}\n")
            self._file.flush()
        except OSError:
            self.unwritten += 1
        else:
            self.unwritten = 0

    info = warning = error = msg


class _Forward(logging.Handler):
    """Takes what libraries say to the standard library's logging into our log."""

    def __init__(self, log: Log, form: Form) -> None:
        super().__init__()
        self._log, self.form = log, form

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {"logger": record.name}
        note = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            facts["exception"] = _traceback(record.exc_info[1])
        say = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        say("logged", note=note, **facts)


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error)).rstrip()


def _as_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    ordered = {name: event.get(name) for name in _FIRST}
    return orjson.dumps(ordered | dict(event), default=str).decode()


def _for_people(*, coloured: bool) -> _Render:
    dim, plain = (_DIM, _PLAIN) if coloured else ("", "")

    def render(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
        at = datetime.fromtimestamp(event["time"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        level, note = event["level"], event.get("note", event["event"])
        colour = _COLOURS.get(level, "") if coloured else ""
        words = f"{colour}{_MARKS.get(level, '')}{note}{plain if colour else ''}"
        if "unwritten" in event:
            words += f" ({event['unwritten']} lines before this could not be written when due)"
        trace = f"\n{event['exception']}" if "exception" in event else ""
        return f"{dim}{at}{plain} {event['module']:<11} {words}{trace}"

    return render
