"""The page, the API and ``/metrics``, as ``mtalab.toml`` has them under ``[web]``."""

import ipaddress
import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from affinity.configuration import Table
from mail import notation

OFF: Final = "off"
LISTEN: Final = "127.0.0.1:8025"  # as Mailpit does
WHO: Final = "the web page"  # in words about its address
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def _endpoint_or_off(value: str) -> str:
    return value if value == OFF else notation.endpoint(value)


def _host_name(value: str) -> str:
    if _HOST.fullmatch(value) is None:
        raise ValueError(f"expected the name of a host such as mtalab.example, got {value!r}")
    return value.lower()


class WebSettings(Table):
    """One port for the pages, the API, the inbox API and the metrics."""

    listen: Annotated[str, AfterValidator(_endpoint_or_off)] = Field(
        default=LISTEN, description='address:port of the web page and API, or "off".'
    )
    hosts: tuple[Annotated[str, AfterValidator(_host_name)], ...] = Field(
        default=(),
        description="Names by which browsers may reach it, besides localhost and its address; "
        "requests for any other are refused.",
    )
    token_file: str | None = Field(
        default=None,
        min_length=1,
        description="A file whose first line is the token that all requests must show; beside the "
        "configuration file.",
    )
    request_max: int = Field(
        default=64 * 1024 * 1024,
        ge=1024,
        description="Largest request in bytes: recipients are submitted with one.",
    )

    @property
    def is_on(self) -> bool:
        return self.listen != OFF

    @property
    def is_loopback(self) -> bool:
        host, _ = notation.split_endpoint(self.listen)
        return ipaddress.ip_address(host).is_loopback

    @model_validator(mode="after")
    def _is_sound(self) -> "WebSettings":
        if self.is_on and not self.is_loopback and self.token_file is None:
            raise ValueError(
                f"expected token_file, because {self.listen} can be reached from other machines"
            )
        return self
