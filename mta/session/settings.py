"""How a session behaves towards one destination: TLS, limits and timeouts."""

from dataclasses import dataclass
from typing import Literal

TlsMode = Literal["off", "opportunistic", "required"]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Times in seconds; the defaults are those of ``affinity.configuration.MxRule``."""

    tls: TlsMode = "opportunistic"
    messages_max: int | None = None  # per connection
    connect_timeout: float = 10.0
    greeting_timeout: float = 60.0  # for the greeting and each reply to a command
    data_timeout: float = 240.0  # for the reply to the end of data
    idle_timeout: float = 5.0  # the modelled system's idleSessionTimeoutSec
