"""A session's commands, read and carried out one after the other: aiosmtpd's loop without its cost.

It answers as aiosmtpd's own does. What is left out is what nobody here uses (PROXY, limits on how
often a command is said, TLS demanded before all else) and three log lines for each command, whose
arguments are made though nobody reads them: they took more time than any command.
"""

import asyncio
from typing import Any, Final

from aiosmtpd.smtp import SMTP

from sinks.reader import MessageReader

_TOO_LONG: Final = b"500 Command line too long"
_BAD_SYNTAX: Final = b"500 Error: bad syntax"
_GOODBYE: Final = b"502 5.5.1 Too many unrecognized commands, goodbye."
_SURELY_SHORT: Final = 512  # RFC 5321, 4.5.3.1.4: what every server takes
_UNKNOWN_MAX: Final = 5  # unknown commands of one session


class Conversation(SMTP):
    """The part of a connection that reads commands; the commands are its subclasses' matter."""

    _input: MessageReader

    async def converse(self) -> None:
        """Greet, then carry out what is said, until the connection is over."""
        await self.push(f"220 {self.hostname} {self.__ident__}")
        unknown = 0
        while self.transport is not None:
            try:
                if await self.express():
                    continue
                line = self._input.line_at_hand() or await self._line()
                word, _, rest = line.rstrip(b"\r\n").partition(b" ")
                command = _command(word)
                if command is None:
                    await self.push(_BAD_SYNTAX)
                    continue
                if len(line) > _SURELY_SHORT and len(line) > self._longest(command):
                    await self.push(_TOO_LONG)
                    continue
                method = self._smtp_methods.get(command)
                if method is None:
                    unknown += 1
                    if unknown < _UNKNOWN_MAX:
                        await self.push(f'500 Error: command "{command}" not recognized')
                        continue
                    await self.push(_GOODBYE)
                    self.transport.close()
                    return
                self._reset_timeout()
                # What is not UTF-8 comes as lone surrogates, which no address may hold.
                await method(str(rest.strip(), "utf-8", "surrogateescape") if rest else None)
            except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
                self._writer.close()
                raise
            except Exception as error:  # noqa: BLE001 - told to the client, and logged there
                await self.push(await self.handle_exception(error))

    async def express(self) -> bool:
        """Take what comes without a turn of this loop, as long as may be; False: nothing."""
        return False

    def _longest(self, command: str) -> int:
        """Bytes of a command line, with what ends it."""
        is_extended = self.session is not None and self.session.extended_smtp
        longest: Any = self.command_size_limits[command] if is_extended else self.command_size_limit
        return int(longest) + 2

    async def _line(self) -> bytes:
        """The next line, as soon as all of it is there; one that is too long for us is skipped."""
        is_too_long = False
        while True:
            try:
                line = await self._reader.readuntil()
            except asyncio.LimitOverrunError as error:
                await self._reader.read(error.consumed)
                is_too_long = True
                continue
            if not is_too_long:
                return line
            await self.push(_TOO_LONG)
            is_too_long = False


def _command(word: bytes) -> str | None:
    """The command in capitals; None if it cannot be one."""
    return word.upper().decode("ascii") if word and word.isascii() else None
