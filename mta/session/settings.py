"""How a session behaves towards one destination: TLS, login, limits and timeouts."""

from dataclasses import dataclass, field

from affinity.configuration import TlsMode


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a server that wants AUTH; the password is in no representation."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Times in seconds; the defaults are those of ``affinity.configuration.MxRule``."""

    tls: TlsMode = "opportunistic"
    tls_ca: str | None = None  # PEM of the trusted authorities; None: those of this machine
    credentials: Credentials | None = None  # None: no AUTH
    messages_max: int | None = None  # per connection
    connect_timeout: float = 10.0
    greeting_timeout: float = 60.0  # for the greeting and each reply to a command
    data_timeout: float = 240.0  # for the reply to the end of data
    idle_timeout: float = 5.0  # the modelled system's idleSessionTimeoutSec
