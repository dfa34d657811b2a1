"""One connection to the port for bounces: 250 only once the mail is stored."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lab.inmail.intake import Intake
from mail.message_id import parse_return_path
from mail.reply import Reply
from sinks import command
from sinks.connection import Connection, Server, lines_of
from store.errors import StoreUnavailable

RECIPIENTS_MAX: Final = 100  # RFC 5321, 4.5.3.1.8; a bounce has one
_POSTMASTER: Final = "postmaster"  # RFC 5321, 4.5.1 wants it to be there
_NO_RELAY: Final = b"550 5.7.1 This port takes mail for its own domain only"
_NOBODY: Final = b"550 5.1.1 That is no return path of this lab, nor its feedback address"


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom it takes mail for; replaced as a whole when the configuration changes."""

    domain: str
    feedback: str  # a local part


@dataclass(frozen=True, slots=True)
class Desk:
    """What all connections to the port share."""

    server: Server
    intake: Intake
    policy: Callable[[], Policy]


class InmailSession(Connection):
    """One connection."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(desk.server, loop)
        self._desk = desk

    def fault(self, error: Exception) -> str:
        if isinstance(error, StoreUnavailable):
            reason = str(error).splitlines()[0]
            return f"451 4.3.0 The mail could not be stored, try again: {reason}"
        return super().fault(error)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        transaction = self._transaction
        if not self.peer_name:
            await self.push(command.SAY_EHLO)
        elif transaction.mail_from is not None:
            await self.push(command.NESTED_MAIL)
        else:
            path = command.reverse_path(arg, self._server.size_limit)
            if isinstance(path, Reply):
                await self.push(lines_of(path))
                return
            transaction.mail_from = path.address
            transaction.smtp_utf8 = "SMTPUTF8" in path.parameters
            await self.push(command.MAIL_OK)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        transaction = self._transaction
        if transaction.mail_from is None:
            await self.push(command.NEED_MAIL)
            return
        path = command.forward_path(arg, allows_utf8=transaction.smtp_utf8)
        refusal = lines_of(path) if isinstance(path, Reply) else self._refusal(path.address)
        if refusal is not None or isinstance(path, Reply):
            transaction.refused += 1
            await self.push(refusal or command.NEED_RCPT)
        elif len(transaction.rcpt_tos) >= RECIPIENTS_MAX:
            await self.push(command.TOO_MANY_RECIPIENTS)
        else:
            if path.address not in transaction.rcpt_tos:
                transaction.rcpt_tos.append(path.address)
            await self.push(command.RCPT_OK)

    def _refusal(self, address: str) -> bytes | None:
        policy = self._desk.policy()
        local, _, domain = address.rpartition("@")
        if not local and domain.lower() == _POSTMASTER:  # which may come without a domain
            return None
        if domain.lower() != policy.domain.lower():
            return _NO_RELAY
        is_known = local.lower() in (policy.feedback.lower(), _POSTMASTER)
        return None if is_known or parse_return_path(address) is not None else _NOBODY

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        transaction = self._transaction
        sender, recipients = transaction.mail_from, transaction.rcpt_tos
        if sender is None:
            await self.push(command.NEED_MAIL)
        elif not recipients:
            await self.push(command.NO_RECIPIENTS if transaction.refused else command.NEED_RCPT)
        elif arg:
            await self.push(command.BAD_DATA)
        else:
            await self.push(command.START_DATA)
            content = await self._input.read_message()
            self.envelope = self._create_envelope()
            if content is None:
                await self.push(lines_of(command.TOO_LARGE))
                return
            with self.holding():
                numbers = await self._desk.intake.put(sender, recipients, content)
            kept = ", ".join(map(str, numbers))
            await self.push(f"250 2.0.0 Kept as {kept}")
