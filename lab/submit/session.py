"""One connection to the submission port (RFC 6409): 250 only once the message is stored."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from lab.submit.intake import Intake
from lab.submit.letter import Trace, ready
from mail.address import BadAddress, parse_address
from mail.reply import Reply
from sinks import command
from sinks.connection import Connection, Server, lines_of
from store import continuous
from store.contents import Content
from store.errors import StoreUnavailable
from world.chance import Chance
from world.clock import Clock

_NEED_AUTH: Final = b"530 5.7.0 Authentication required"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the port obeys; replaced as a whole when the configuration changes."""

    default_affinity: str | None
    affinities: frozenset[str]
    label: str
    recipients_max: int
    domain: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What all connections to the port share; ``options`` are aiosmtpd's, for TLS and AUTH."""

    server: Server
    intake: Intake
    clock: Clock
    chance: Chance
    policy: Callable[[], Policy]
    options: dict[str, Any]
    wants_login: bool
    offers_login_only_encrypted: bool


class SubmissionSession(Connection):
    """One connection."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(desk.server, loop, **desk.options)
        self._desk = desk
        self._recipients: dict[str, continuous.Recipient] = {}

    def extensions(self) -> list[str]:
        offered = super().extensions()
        if self.tls_context is not None and not self.is_encrypted:
            offered.append("STARTTLS")
        if self._desk.wants_login and (
            self.is_encrypted or not self._desk.offers_login_only_encrypted
        ):
            offered.append("AUTH PLAIN LOGIN")
        return offered

    def fault(self, error: Exception) -> str:
        if isinstance(error, StoreUnavailable):
            reason = str(error).splitlines()[0]
            return f"451 4.3.0 The message could not be stored, try again: {reason}"
        return super().fault(error)

    def _create_envelope(self) -> Any:
        self._recipients = {}
        return super()._create_envelope()

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        assert self.session is not None
        transaction = self._transaction
        if not self.peer_name:
            await self.push(command.SAY_EHLO)
        elif self._desk.wants_login and not self.session.authenticated:
            await self.push(_NEED_AUTH)
        elif transaction.mail_from is not None:
            await self.push(command.NESTED_MAIL)
        else:
            path = command.reverse_path(arg, self._server.size_limit, also={"AUTH"})
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
        if isinstance(path, Reply):
            transaction.refused += 1
            await self.push(lines_of(path))
            return
        try:
            address = parse_address(path.address)
        except BadAddress as error:
            transaction.refused += 1
            await self.push(f"553 5.1.3 {error}")
            return
        if len(self._recipients) >= self._desk.policy().recipients_max:
            await self.push(command.TOO_MANY_RECIPIENTS)
            return
        # One address twice is one recipient, as at every MTA.
        self._recipients[str(address)] = continuous.Recipient(str(address), address.domain)
        await self.push(command.RCPT_OK)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        transaction, recipients = self._transaction, self._recipients
        if transaction.mail_from is None:
            await self.push(command.NEED_MAIL)
        elif not recipients:
            await self.push(command.NO_RECIPIENTS if transaction.refused else command.NEED_RCPT)
        elif arg:
            await self.push(command.BAD_DATA)
        else:
            await self.push(command.START_DATA)
            content = await self._input.read_message()
            self.envelope = self._create_envelope()
            await self.push(await self._store(content, list(recipients.values())))

    async def _store(
        self, content: bytes | None, recipients: list[continuous.Recipient]
    ) -> str | bytes:
        """Store the message; returns the reply."""
        if content is None:
            return lines_of(command.TOO_LARGE)
        policy = self._desk.policy()
        made = ready(content, self._trace(policy.domain))
        if isinstance(made, Reply):
            return lines_of(made)
        affinity = made.affinity or policy.default_affinity
        if affinity is None:
            return "554 5.3.5 No affinity is configured: nothing can be sent"
        if affinity not in policy.affinities:
            known = ", ".join(sorted(policy.affinities))
            return f"554 5.6.0 There is no affinity {affinity!r}; configured are: {known}"
        letter = continuous.Letter(
            made.label or policy.label,
            affinity,
            Content(made.content, made.needs_smtputf8),
            recipients,
        )
        with self.holding():
            joined = await self._desk.intake.put(letter)
        first, last = joined.first_message, joined.first_message + len(recipients) - 1
        which = f"message {first}" if first == last else f"messages {first} to {last}"
        return f"250 2.0.0 Queued as {which} of delivery {joined.delivery_id}"

    def _trace(self, domain: str) -> Trace:
        assert self.session is not None
        now = format_datetime(datetime.fromtimestamp(self._desk.clock.now(), UTC))
        number = self._desk.chance.token(16)
        # RFC 3848: the kinds of transmission, with S for TLS and A for AUTH.
        kind = "ESMTP" if self.session.extended_smtp else "SMTP"
        if self.session.extended_smtp:
            kind += "S" * self.is_encrypted + "A" * bool(self.session.authenticated)
        name = self.peer_name if self.peer_name.isascii() else "unknown"
        return Trace(
            f"from {_atom(name)} ([{self.peer_ip}])\r\n"
            f" by {domain} with {kind} id {number};\r\n {now}",
            f"<{number}@{domain}>",
            now,
        )


def _atom(name: str) -> str:
    """The name that a client gave itself, as far as it fits into a header."""
    return "".join(each for each in name if each.isalnum() or each in ".-:[]_")[:255] or "unknown"
