"""Webhooks as ``mtalab.toml`` has them, each a table ``[[webhook]]``."""

import ipaddress
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, model_validator

from affinity.configuration import Seconds, Table
from lab.webhook_names import valid_event_mask

_PORTS: Final = {"http": 80, "https": 443}


class Target(NamedTuple):
    """Where a URL leads."""

    scheme: Literal["http", "https"]
    address: str
    port: int
    path: str  # with what follows a ?

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def _url(text: str) -> str:
    target_of(text)
    return text


def target_of(url: str) -> Target:
    """Where a URL leads; raises ValueError for one that cannot be posted to."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("expected a URL that begins with http:// or https://")
    if parts.username is not None or parts.fragment:
        raise ValueError("expected a URL without a user's name and without #")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("expected a URL of printable ASCII: write other characters as %XX")
    try:
        address = str(ipaddress.ip_address(parts.hostname or ""))
    except ValueError:
        raise ValueError(
            "expected an IP address as the URL's host, such as http://127.0.0.1:8080/hook: "
            "nothing is looked up"
        ) from None
    path = parts.path or "/"
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    query = f"?{parts.query}" if parts.query else ""
    return Target(scheme, address, _port(parts), f"{path}{query}")


def _port(parts: SplitResult) -> int:
    try:
        found = parts.port
    except ValueError:
        found = 0
    if found == 0:
        raise ValueError("expected a port from 1 to 65535 in the URL")
    return _PORTS[parts.scheme] if found is None else found


class WebhookSettings(Table):
    """An HTTP endpoint that is told of each event it asks for: signed, retried, at least once."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="Its name; what has been posted is remembered under it.",
    )
    url: Annotated[str, AfterValidator(_url)] = Field(
        description="Where to POST: http or https, an IP address of this machine or of "
        "lab.allow_networks."
    )
    events: tuple[Annotated[str, AfterValidator(valid_event_mask)], ...] = Field(
        default=("*",),
        min_length=1,
        description="Events, with * and ?, such as message.failed or tracking.*.",
    )
    secret_file: str | None = Field(
        default=None,
        description="File with the secret (whsec_…), beside this file; several lines: each signs.",
    )
    secret_env: str | None = Field(
        default=None, description="Or the environment variable that holds it."
    )
    begin: Literal["now", "beginning"] = Field(
        default="now",
        description="What a new webhook is told: what happens from now on, or all that happened.",
    )
    batch: int = Field(default=100, ge=1, le=1000, description="Events in one request, at most.")
    timeout: Seconds = Field(
        default=10.0, gt=0, le=300, description="For a request, from connecting to its answer."
    )
    retries: int = Field(
        default=12,
        ge=0,
        le=100,
        description="Requests after a failed one, with growing waits; then it is a dead letter.",
    )
    tls_ca: str | None = Field(
        default=None,
        description="PEM file, beside this file, of the authorities trusted for https; empty: "
        "those of this machine.",
    )

    @model_validator(mode="after")
    def _has_one_secret(self) -> "WebhookSettings":
        if (self.secret_file is None) == (self.secret_env is None):
            raise ValueError("expected either a secret_file or a secret_env")
        return self

    @property
    def target(self) -> Target:
        return target_of(self.url)
