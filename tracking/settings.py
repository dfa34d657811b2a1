"""The tracking server and what is tracked, as ``mtalab.toml`` has them under ``[tracking]``."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from affinity.configuration import Seconds, Table
from mail import notation

OFF: Final = "off"
WHO: Final = "the tracking server"  # in words about its address


def _endpoint_or_off(value: str) -> str:
    return value if value == OFF else notation.endpoint(value)


class TrackingSettings(Table):
    """Links, opens, mirror pages and unsubscriptions; off, mail goes out with its own links."""

    listen: Annotated[str, AfterValidator(_endpoint_or_off)] = Field(
        default="127.0.0.1:8026", description='address:port of the tracking server, or "off".'
    )
    opens: bool = Field(default=True, description="Whether HTML gets the open pixel.")
    dedup_opens: Seconds = Field(
        default=60.0, description="Opens of one message within this time count once."
    )

    @property
    def is_on(self) -> bool:
        return self.listen != OFF

    @property
    def base(self) -> str:
        """What links to the server begin with, without a slash at the end."""
        return f"http://{self.listen}"
