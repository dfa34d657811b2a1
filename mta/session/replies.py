"""Bytes of a server → its replies (RFC 5321, 4.2), however they were split or joined."""

import re
from typing import Final

from mail.outcome import Stage
from mail.reply import Reply

LINE_MAX: Final = 4096  # bytes; RFC 5321 says 512, real servers write longer ones
LINES_MAX: Final = 100  # of one reply

_CODES: Final = {str(code).encode(): code for code in range(200, 600)}
_LAST: Final = (b" ", b"\r", b"")  # what follows the code of a reply's last line
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # PostgreSQL stores no NUL

# First digit of the replies that let a transaction go on.
GOES_ON: Final = {Stage.MAIL: 2, Stage.RCPT: 2, Stage.DATA: 3, Stage.BODY: 2}
SERVICE_CLOSING: Final = 221  # positive, but it answers nothing except QUIT
SERVICE_UNAVAILABLE: Final = 421  # the server closes the connection after it


class ReplyReader:
    """Collects bytes and yields whole replies; ``nonsense`` is set when one cannot be read."""

    def __init__(self) -> None:
        self.nonsense: str | None = None
        self._rest = b""
        self._code: int | None = None  # of the reply whose lines are being collected
        self._lines: list[bytes] = []

    def read(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return code and text, lines joined by LF, of the replies that are now complete."""
        if self.nonsense is not None:
            return []
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        replies: list[tuple[int, bytes]] = []
        for line in lines:
            code = _CODES.get(line[:3])
            if (
                code is not None
                and line[3:4] == b" "
                and self._code is None
                and len(line) < LINE_MAX
            ):
                replies.append((code, line[4:].strip()))  # as nearly all replies are
            elif not self._take(line, replies):
                return replies
        if len(self._rest) > LINE_MAX:
            self.nonsense = f"a line of more than {LINE_MAX} bytes"
        return replies

    def _take(self, line: bytes, replies: list[tuple[int, bytes]]) -> bool:
        code, mark = _CODES.get(line[:3]), line[3:4]
        if len(line) > LINE_MAX:
            self.nonsense = f"a line of more than {LINE_MAX} bytes"
        elif code is None or (mark != b"-" and mark not in _LAST):
            self.nonsense = f"not an SMTP reply: {line[:80].decode('ascii', 'replace')!r}"
        elif self._code is not None and code != self._code:
            self.nonsense = f"one reply with the codes {self._code} and {code}"
        elif len(self._lines) >= LINES_MAX:
            self.nonsense = f"a reply of more than {LINES_MAX} lines"
        elif mark == b"-":
            self._code = code
            self._lines.append(line[4:].strip())
        elif self._code is None:
            replies.append((code, line[4:].strip()))
        else:
            replies.append((code, b"\n".join((*self._lines, line[4:].strip()))))
            self._code, self._lines = None, []
        return self.nonsense is None


def reply_of(code: int, text: bytes) -> Reply:
    """A reply fit to be stored and shown: valid text, no control characters but TAB and LF."""
    said = text.decode("utf-8", "replace")
    return Reply(code, said if said.isprintable() else _CONTROL.sub("\ufffd", said))
