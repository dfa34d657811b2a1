"""The submission port as a service: listens, stores, follows the configuration."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final

from affinity.plan import plan_of
from lab.configuration import Loaded
from lab.submission_settings import WHO
from lab.submit.errors import BadCertificate
from lab.submit.intake import Intake, Rules
from lab.submit.open_for import open_s
from lab.submit.session import Desk, Policy, SubmissionSession
from mail.errors import Where
from sinks.connection import Server, login_options, quieten
from sinks.listening import THIS_HOST, Sockets, refusing
from store.continuous import Terms
from store.engine import Store
from world.chance import Chance
from world.clock import Clock

_BACKLOG: Final = 1024
_CLOSING: Final = b"421 4.3.2 The submission port is shutting down"


class SubmissionService:
    """The port of one lab; where it listens and whom it lets in never changes."""

    def __init__(
        self,
        loaded: Loaded,
        store: Store,
        clock: Clock,
        chance: Chance,
        sockets: Sockets = THIS_HOST,
    ) -> None:
        """Make it; nothing listens yet.

        Raises:
            BadCertificate: the certificate or its key cannot be used.
        """
        settings = loaded.configuration.submission
        self._listen, self._sockets = settings.listen, sockets
        self._is_stopping = False
        self._intake = Intake(store, clock, lambda: self._rules)
        options: dict[str, Any] = {}
        if settings.certificate is not None:
            options = {"tls_context": tls_context(loaded), "require_starttls": settings.require_tls}
        if settings.users:
            users = {name: value.get_secret_value() for name, value in settings.users.items()}
            options |= login_options(users, only_encrypted=not settings.is_loopback)
        server = Server(
            loaded.configuration.lab.domain,
            "ESMTP mtalab submission",
            settings.size_limit,
            _CLOSING,
            lambda: self._is_stopping,
        )
        self._desk = Desk(
            server,
            self._intake,
            clock,
            chance,
            lambda: self._policy,
            options,
            bool(settings.users),
            not settings.is_loopback,
        )
        self.reconfigure(loaded)

    def reconfigure(self, loaded: Loaded) -> None:
        """Obey a changed configuration from the next message on."""
        configuration = loaded.configuration
        settings = configuration.submission
        self._rules = Rules(
            plan_of(configuration),
            Terms(
                configuration.validity,
                open_s(configuration.validity),
                configuration.scheduler.part_max,
            ),
        )
        self._policy = Policy(
            settings.affinity or next(iter(configuration.affinity), None),
            frozenset(configuration.affinity),
            settings.label,
            settings.recipients_max,
            configuration.lab.domain,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[str, int]]:
        """Listen and store while the context lasts; yields where.

        Raises:
            ListenAddressUnusable: the port is taken or the address is not this machine's.
        """
        quieten()
        loop = asyncio.get_running_loop()
        bound = self._sockets.bind(WHO, self._listen)
        with refusing(WHO, self._listen):
            server = await loop.create_server(
                lambda: SubmissionSession(self._desk, loop), sock=bound, backlog=_BACKLOG
            )
        async with asyncio.TaskGroup() as tasks:
            storing = tasks.create_task(self._intake.run(), name="intake")
            try:
                host, port = server.sockets[0].getsockname()[:2]
                yield host, port
            finally:
                self._is_stopping = True
                server.close()
                await self._desk.server.end_connections()
                storing.cancel()
                await server.wait_closed()


def tls_context(loaded: Loaded) -> ssl.SSLContext:
    """The context of the port's certificate; files are beside the configuration file."""
    settings = loaded.configuration.submission
    assert settings.certificate is not None
    certificate = loaded.path.parent / settings.certificate
    key = None if settings.key is None else loaded.path.parent / settings.key
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BadCertificate(
            f"the certificate {certificate} cannot be used: {error}",
            where=Where(loaded.path.name, "submission.certificate"),
            remedy="Give PEM files of a certificate and of its key.",
        ) from error
    return context
