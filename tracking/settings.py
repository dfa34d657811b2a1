"""The tracking server and what is tracked, as ``mtalab.toml`` has them under ``[tracking]``."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from affinity.configuration import Seconds, Table
from mail import notation

OFF: Final = "off"
WHO: Final = "the tracking server"  # in words about its address
# Characters that stand in a URL, a header and HTML as they are.
_WEB: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9!#$%()*+,./:;=?@_~-]*)?")
_BASE_MAX: Final = 200


def _endpoint_or_off(value: str) -> str:
    return value if value == OFF else notation.endpoint(value)


def _web_or_none(value: str) -> str:
    if value and _WEB.fullmatch(value) is None:
        raise ValueError("expected a URL such as https://www.example.test/over")
    return value


def _base_or_none(value: str) -> str:
    if value and (
        _WEB.fullmatch(value) is None or set("?#") & set(value) or len(value) > _BASE_MAX
    ):
        raise ValueError(
            "expected the beginning of a URL such as https://t.example.test, at most "
            f"{_BASE_MAX} characters, without ? and #"
        )
    return value.rstrip("/")


class TrackingSettings(Table):
    """Links, opens, mirror pages and unsubscriptions; off, mail goes out with its own links."""

    listen: Annotated[str, AfterValidator(_endpoint_or_off)] = Field(
        default="127.0.0.1:8026", description='address:port of the tracking server, or "off".'
    )
    opens: bool = Field(default=True, description="Whether HTML gets the open pixel.")
    dedup_opens: Seconds = Field(
        default=60.0, description="Opens of one message within this time count once."
    )

    url: Annotated[str, AfterValidator(_base_or_none)] = Field(
        default="",
        description="What links begin with, where readers reach the server by another name; "
        "empty: http:// and listen.",
    )
    validity: Seconds = Field(
        default=0.0,
        description="How long links lead on after the contact date; 0: for ever.",
    )
    expired_url: Annotated[str, AfterValidator(_web_or_none)] = Field(
        default="", description="Where links lead afterwards; empty: a page that says so."
    )

    @property
    def is_on(self) -> bool:
        return self.listen != OFF

    @property
    def base(self) -> str:
        """What links to the server begin with, without a slash at the end."""
        return self.url or f"http://{self.listen}"
