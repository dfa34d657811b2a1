"""Sends what a sink has to send back: real SMTP to the server that takes bounces, until it does.

Mail is sent when it is due, several in one connection, and over several if there are many. What
that server refuses for good is over; for the rest it is asked again and again, for as long as a
sender would.
"""

import asyncio
import contextlib
import heapq
import logging
from dataclasses import dataclass
from typing import Final

import aiosmtplib

from mail.inbound import digest_of
from mail.notation import split_endpoint
from sinks.afterwards import Afterwards
from sinks.outgoing import Cause, OutgoingFile
from sinks.returned import content_of, recipient_of
from world.clock import Clock
from world.network import ForbiddenDestination, Network

GIVEN_UP_AFTER_S: Final = 5 * 86400.0  # RFC 5321, 4.5.4.1 wants four or five days
_RETRY_S: Final = (1.0, 300.0)  # the first pause, and the longest
_AT_ONCE: Final = 200  # mails that are in hand
_CONNECTIONS: Final = 4
_WORTH_ANOTHER: Final = 8  # mails for which another connection is opened
_TIMEOUT_S: Final = 60.0
_LOOK_S: Final = 300.0  # the wall clock may be set meanwhile
_Due = tuple[float, int]  # when, and which
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """Where mail is sent back to, and from where."""

    to: str  # address:port
    source_ip: str
    mx: str  # said in EHLO
    network: Network  # what may be reached


class SendingBack:
    """What one sink sends back."""

    def __init__(self, way: Way, file: OutgoingFile, clock: Clock) -> None:
        """Make it, with all that a former run did not send.

        Raises:
            DamagedReceipts, SinkFilesUnusable: its file cannot be read.
        """
        self._way, self._file, self._clock = way, file, clock
        self._due = [(due, number) for number, due in file.waiting().items()]
        heapq.heapify(self._due)
        self._news = asyncio.Event()

    def take(self, afterwards: Afterwards, cause: Cause, message: str) -> None:
        """Write down what a message that was accepted brings.

        A disk that is full brings nothing: the message itself was accepted, which stands.
        """
        for comeback in afterwards.of(cause.sender, cause.recipient, message):
            try:
                number, due = self._file.put(comeback, cause)
            except OSError:
                _log.exception("what was to be sent back could not be written down")
                return
            heapq.heappush(self._due, (due, number))
            self._news.set()

    async def run(self) -> None:
        """Send for ever."""
        pause_s = _RETRY_S[0]
        while True:
            await self._until_due()
            if await self._send_some():
                pause_s = _RETRY_S[0]
            else:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _RETRY_S[1])

    async def _until_due(self) -> None:
        while True:
            self._news.clear()
            wait_s = self._due[0][0] - self._clock.now() if self._due else None
            if wait_s is not None and wait_s <= 0:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._news.wait(), None if wait_s is None else min(wait_s, _LOOK_S)
                )

    async def _send_some(self) -> bool:
        """Send what is due now, or some of it; returns whether its end is known for all."""
        now = self._clock.now()
        batch: list[_Due] = []
        while self._due and self._due[0][0] <= now and len(batch) < _AT_ONCE:
            batch.append(heapq.heappop(self._due))
        lanes = min(_CONNECTIONS, 1 + len(batch) // _WORTH_ANOTHER)
        async with asyncio.TaskGroup() as tasks:
            sending = [
                tasks.create_task(self._send_all(batch[lane::lanes]), name="sending back")
                for lane in range(lanes)
            ]
        left = [each for lane in sending for each in lane.result()]
        for each in left:
            heapq.heappush(self._due, each)
        return not left

    async def _send_all(self, batch: list[_Due]) -> list[_Due]:
        """Send mails in one connection; returns those whose end is not known."""
        left, put_off = batch[::-1], []
        smtp = self._client()
        if smtp is None:
            return self._still_tried(left, "nothing is sent there")
        try:
            await smtp.connect()
            while left:
                if not await self._send_one(smtp, left[-1][1]):
                    put_off.append(left[-1])
                left.pop()
            with contextlib.suppress(aiosmtplib.SMTPException):
                await smtp.quit()
        except (aiosmtplib.SMTPException, OSError) as error:
            return put_off + self._still_tried(left, str(error))
        finally:
            smtp.close()
        return put_off

    def _client(self) -> aiosmtplib.SMTP | None:
        host, port = split_endpoint(self._way.to)
        try:
            self._way.network.admit(host)
        except ForbiddenDestination:
            _log.exception("what is to be sent back cannot be")
            return None
        is_same_family = (":" in host) == (":" in self._way.source_ip)
        return aiosmtplib.SMTP(
            hostname=host,
            port=port,
            local_hostname=self._way.mx,
            source_address=(self._way.source_ip, 0) if is_same_family else None,
            timeout=_TIMEOUT_S,
            use_tls=False,
            start_tls=False,
        )

    async def _send_one(self, smtp: aiosmtplib.SMTP, number: int) -> bool:
        """Send one mail; returns whether its end is known."""
        waiting = self._file.get(number)
        content, recipient = content_of(waiting, self._way.mx), recipient_of(waiting)
        is_delivered = True
        try:
            await smtp.mail("", options=["BODY=8BITMIME"])
            await smtp.rcpt(recipient, encoding="utf-8")
            response = await smtp.data(content)
        except aiosmtplib.SMTPResponseException as error:
            await smtp.rset()
            if error.code < 500 and self._clock.now() < waiting.due + GIVEN_UP_AFTER_S:
                return False
            is_delivered = False
            reply = f"{error.code} {error.message}"
        else:
            reply = f"{response.code} {response.message}"
        self._note(number, reply, is_delivered=is_delivered, digest=digest_of(recipient, content))
        return True

    def _still_tried(self, left: list[_Due], why: str) -> list[_Due]:
        """Nobody was there: what has been tried for long enough is over."""
        now = self._clock.now()
        for due, number in left:
            if due + GIVEN_UP_AFTER_S < now:
                self._note(number, why, is_delivered=False, digest="")
        return [each for each in left if each[0] + GIVEN_UP_AFTER_S >= now]

    def _note(self, number: int, reply: str, *, is_delivered: bool, digest: str) -> None:
        try:
            self._file.ended(
                number, self._clock.now(), reply, is_delivered=is_delivered, digest=digest
            )
        except OSError:  # it is sent again after a restart, and known again there
            _log.exception("that something was sent back could not be written down")
