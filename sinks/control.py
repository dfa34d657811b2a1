"""The door at which running sinks are asked and told things: a Unix socket beside their files.

One line of JSON in, one out: ``{"do": "list"}``, or ``{"do": "set", "sink": NAME, "personality":
NAME, "personalities": {NAME: TABLE}}``. The answer is ``{"ok": true, "sinks": […]}`` or ``{"ok":
false, "what": text, "remedy": text}``.
"""

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from mail.errors import MtalabError
from sinks.errors import BadWord, SinkFilesUnusable, SinksNotRunning, SinksRefused, SinksSilent

_FILE: Final = "sinks.sock"
_PATH_MAX: Final = 100  # bytes; systems have room for 104 to 108 (unix(7))
_LINE_MAX: Final = 4 * 1024 * 1024
_WAIT_S: Final = 10.0
Handle = Callable[[dict[str, Any]], dict[str, Any]]


def socket_path(directory: Path) -> Path:
    """Where the sinks of this folder are asked; elsewhere if the folder's name is too long."""
    path = directory.resolve() / _FILE
    if len(os.fsencode(path)) <= _PATH_MAX:
        return path
    name = sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"mtalab-{os.getuid()}-{name}.sock"


@contextlib.asynccontextmanager
async def listening(directory: Path, handle: Handle) -> AsyncIterator[None]:
    """Answer while the context lasts.

    Args:
        directory: the sinks' folder, which is there.
        handle: takes a request's object and returns what to answer besides "ok"; raises
            MtalabError to refuse.

    Raises:
        SinkFilesUnusable: other sinks of this folder run, or the socket cannot be made.
    """
    path = socket_path(directory)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError):  # ValueError: the line is too long
            writer.write(_answered(await reader.readline(), handle))
            await writer.drain()
        writer.close()

    bound = _bound(path)
    inode = path.stat().st_ino
    server = await asyncio.start_unix_server(answer, sock=bound, limit=_LINE_MAX)
    try:
        yield
    finally:
        server.close()
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == inode:
                path.unlink()


def ask(directory: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the sinks that run in this folder.

    Raises:
        BadWord: the request has half a character in it, as a file name may.
        SinksNotRunning: none do.
        SinksSilent: they run and do not answer.
        SinkFilesUnusable: they belong to somebody else.
        SinksRefused: they said no, and why.
    """
    path = socket_path(directory)
    try:
        line = orjson.dumps(request) + b"\n"
    except TypeError as error:
        raise BadWord(f"a name is no text: {request!a}", remedy="Use names in UTF-8.") from error
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(_WAIT_S)
            door.connect(str(path))
            door.sendall(line)
            with door.makefile("rb") as answers:
                answer = orjson.loads(answers.readline())
    except TimeoutError as error:
        raise SinksSilent(
            f"the sinks that run in {directory} have not answered for {_WAIT_S:g} s",
            remedy="They are stopped or very busy: `mtalab doctor`, then try again.",
        ) from error
    except PermissionError as error:
        raise SinkFilesUnusable(
            f"the sinks in {directory} cannot be asked at {path}: {error.strerror}",
            remedy="Ask as the user who runs them.",
        ) from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise SinksNotRunning(
            f"no sinks run in {directory}",
            remedy="`mtalab up` or `mtalab sink` starts those of a lab, `mtalab sink --listen "
            "ADDRESS:PORT --inbox FOLDER` one alone; name its folder with --inbox.",
        ) from error
    if not answer["ok"]:
        raise SinksRefused(answer["what"], remedy=answer["remedy"])
    return dict(answer)


def _answered(line: bytes, handle: Handle) -> bytes:
    try:
        request = orjson.loads(line)
        if not isinstance(request, dict):
            raise BadWord("a request is an object in JSON", remedy="Send one on one line.")
        answer = {"ok": True, **handle(request)}
    except orjson.JSONDecodeError as error:
        answer = {"ok": False, "what": f"that is no JSON: {error}", "remedy": ""}
    except MtalabError as error:
        what = getattr(error, "what", str(error))
        answer = {"ok": False, "what": what, "remedy": getattr(error, "remedy", "")}
    return orjson.dumps(answer) + b"\n"


def _bound(path: Path) -> socket.socket:
    if _answers(path):
        raise SinkFilesUnusable(
            f"other sinks run in {path.parent} and are asked there already",
            remedy="Use those, stop them first, or choose another folder.",
        )
    door = socket.socket(socket.AF_UNIX)
    try:
        path.unlink(missing_ok=True)  # a killed process left it
        door.bind(str(path))
        path.chmod(0o600)
    except OSError as error:
        door.close()
        raise SinkFilesUnusable(
            f"the sinks cannot be asked at {path}: {error.strerror}",
            remedy="Check the folder's permissions, or choose another folder.",
        ) from error
    return door


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
