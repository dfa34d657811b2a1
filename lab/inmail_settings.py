"""The port at which bounces arrive, as ``mtalab.toml`` has it under ``[inmail]``."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from affinity.configuration import Table
from mail import notation

OFF: Final = "off"
WHO: Final = "the port for bounces"  # in words about its address


def _endpoint_or_off(value: str) -> str:
    return value if value == OFF else notation.endpoint(value)


class InmailSettings(Table):
    """Where bounces, complaints and replies come in: the MX host of the return paths' domain."""

    listen: Annotated[str, AfterValidator(_endpoint_or_off)] = Field(
        default="127.0.0.1:2526", description='address:port that it listens on, or "off".'
    )

    @property
    def is_on(self) -> bool:
        return self.listen != OFF
