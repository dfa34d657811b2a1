"""The port at which bounces arrive, as ``mtalab.toml`` has it under ``[inmail]``."""

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from affinity.configuration import Table
from mail import notation

OFF: Final = "off"
WHO: Final = "the port for bounces"  # in words about its address


def _endpoint_or_off(value: str) -> str:
    return value if value == OFF else notation.endpoint(value)


_Seconds = Annotated[float, BeforeValidator(notation.seconds), Field(gt=0)]


class InmailSettings(Table):
    """Where bounces, complaints and replies come in: the MX host of the return paths' domain."""

    listen: Annotated[str, AfterValidator(_endpoint_or_off)] = Field(
        default="127.0.0.1:2526", description='address:port that it listens on, or "off".'
    )
    feedback: str = Field(
        default="feedback",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Local part of the address to which complaints may be sent, in the lab's "
        "domain; they may come to return paths too.",
    )
    size_limit: int = Field(
        default=10 * 1024 * 1024,
        ge=1024,
        description="Largest message in bytes, said in SIZE: a bounce may return all of the mail.",
    )
    late_after: _Seconds = Field(
        default=7 * 86400.0,
        description="From a message's sending; what comes back later is kept and changes nothing.",
    )

    @property
    def is_on(self) -> bool:
        return self.listen != OFF
