"""The submission port as ``mtalab.toml`` has it under ``[submission]``."""

import ipaddress
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, model_validator

from affinity.configuration import Table
from mail import notation

OFF: Final = "off"
WHO: Final = "the submission port"  # in words about its address


def _endpoint_or_off(value: str) -> str:
    return value if value == OFF else notation.endpoint(value)


class SubmissionSettings(Table):
    """The port at which any application submits its mail by SMTP."""

    listen: Annotated[str, AfterValidator(_endpoint_or_off)] = Field(
        default="127.0.0.1:2525", description='address:port that it listens on, or "off".'
    )
    affinity: str | None = Field(
        default=None,
        description="For mail without X-Mtalab-Affinity; none: the first of the file.",
    )
    label: str = Field(
        default="submitted by SMTP",
        min_length=1,
        description="Delivery that mail without X-Mtalab-Delivery joins.",
    )
    size_limit: int = Field(
        default=32 * 1024 * 1024, ge=1024, description="Largest message in bytes, said in SIZE."
    )
    recipients_max: int = Field(
        default=10_000, ge=100, description="Recipients of one message, at most."
    )
    users: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="Names and passwords; with any, clients must say AUTH (PLAIN or LOGIN).",
    )
    certificate: str | None = Field(
        default=None,
        description="PEM file, beside this one; with it STARTTLS is offered.",
    )
    key: str | None = Field(
        default=None, description="PEM file of its key; none: it is in the certificate's file."
    )
    require_tls: bool = Field(
        default=False, description="Whether clients must say STARTTLS before MAIL."
    )

    @property
    def is_on(self) -> bool:
        return self.listen != OFF

    @property
    def is_loopback(self) -> bool:
        host, _ = notation.split_endpoint(self.listen)
        return ipaddress.ip_address(host).is_loopback

    @model_validator(mode="after")
    def _is_safe(self) -> "SubmissionSettings":
        if self.require_tls and self.certificate is None:
            raise ValueError("expected a certificate where TLS is required")
        if self.is_on and not self.is_loopback and not (self.users and self.certificate):
            raise ValueError(
                f"expected users and a certificate, because {self.listen} can be reached from "
                "other machines"
            )
        return self
