"""Requests line by line from standard input, answers on what was standard output."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import Final

_CHUNK: Final = 1 << 20
_ORPHAN_CHECK_S: Final = 0.5


def serve(answer: Callable[[bytes], bytes]) -> None:
    """Answer until nobody asks any more: standard input ends, or who started us is gone.

    Nothing else is ever written where the answers go: what is printed goes to standard error.
    """
    out = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        for line in _lines(sys.stdin.fileno()):
            _write(out, answer(line))
    except BrokenPipeError:
        pass  # nobody reads: it is gone
    finally:
        os.close(out)


def _lines(file: int) -> Iterator[bytes]:
    parent = os.getppid()
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([file], [], [], _ORPHAN_CHECK_S)
        if not ready:
            # Children of its own may hold the pipe open for longer than it lives.
            if os.getppid() != parent:
                return
            continue
        chunk = os.read(file, _CHUNK)
        if not chunk:
            return
        *whole, rest = chunk.split(b"\n")
        for each in whole:
            yield b"".join((*parts, each))
            parts.clear()
        if rest:
            parts.append(rest)


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
