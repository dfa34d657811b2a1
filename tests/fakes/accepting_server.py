"""The simplest SMTP server that says yes to everything: a receiver for measuring the sender."""

import asyncio


class AcceptingServer(asyncio.Protocol):
    """Offers PIPELINING; each read is answered by one write."""

    def __init__(self, counter: list[int]) -> None:
        self._counter = counter
        self._rest = b""
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        replies = []
        while data:
            if self._in_data:
                end = data.find(b"\r\n.\r\n")
                if end < 0:
                    break
                data = data[end + 5 :]
                self._in_data = False
                self._counter[0] += 1
                replies.append(b"250 2.0.0 queued\r\n")
                continue
            line, found, after = data.partition(b"\n")
            if not found:
                break
            data = after
            replies.append(self._reply(line[:4].upper()))
        self._rest = data
        if replies:
            self._transport.write(b"".join(replies))

    def _reply(self, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return b"250-sink\r\n250-SIZE\r\n250-8BITMIME\r\n250 PIPELINING\r\n"
        if verb == b"DATA":
            self._in_data = True
            return b"354 go\r\n"
        return b"221 bye\r\n" if verb == b"QUIT" else b"250 2.1.0 ok\r\n"
