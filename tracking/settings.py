"""The tracking server and what is tracked, as ``mtalab.toml`` has them under ``[tracking]``."""

import ipaddress
import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from affinity.configuration import Seconds, Table
from mail import notation

OFF: Final = "off"
WHO: Final = "the tracking server"  # in words about its address
# Characters that stand in a URL, a header and HTML as they are.
_WEB: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9!#$%()*+,./:;=?@_~-]*)?")
_BASE_MAX: Final = 200

# Of gateways that look for harm, of robots that make previews, and of programs.
MACHINE_AGENTS: Final = (
    "Mozilla/5.0",  # alone: Apple's Mail Privacy Protection, which fetches whatever arrives
    "*barracuda*",
    "*bingpreview*",
    "*bitdefender*",
    "*bot/*",
    "*bot;*",
    "*crawler*",
    "*curl/*",
    "*facebookexternalhit*",
    "*go-http-client*",
    "*headlesschrome*",
    "*microsoftpreview*",
    "*mimecast*",
    "*proofpoint*",
    "*python-*",
    "*safelinks*",
    "*scanner*",
    "*slackbot*",
    "*spider*",
    "*symantec*",
    "*trendmicro*",
    "*wget/*",
)
# Of mail services that fetch images for their readers: some when a mail arrives, some when it is
# opened, and with one name for both.
PROXY_AGENTS: Final = ("*imageproxy*", "*mailproxy*", "*prefetch*")


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
    public: bool = Field(
        default=False, description="Whether it may listen where other machines reach it."
    )
    store_every: Seconds = Field(
        default=5.0,
        gt=0,
        description="How often its log goes to the store; an event waits up to twice as long.",
    )
    keep_logs: Seconds = Field(
        default=7 * 86_400.0,
        description="How long files of its log stay when the store has all of them.",
    )
    too_early: Seconds = Field(
        default=2.0,
        description="Opens and clicks this soon after delivery are a machine's; 0s: none.",
    )
    prefetch_within: Seconds = Field(
        default=30.0,
        description="Opens by an image proxy this soon after delivery are a machine's.",
    )
    scanner_links: int = Field(
        default=2,
        ge=2,
        description="Who follows so many links of a message within scanner_within is a machine.",
    )
    scanner_within: Seconds = Field(default=1.0, description="See scanner_links.")
    machine_agents: tuple[str, ...] = Field(
        default=MACHINE_AGENTS,
        description="Masks with * and ? of user agents that are machines; case does not matter.",
    )
    proxy_agents: tuple[str, ...] = Field(
        default=PROXY_AGENTS, description="Masks of user agents of image proxies."
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
    def is_loopback(self) -> bool:
        host, _ = notation.split_endpoint(self.listen)
        return ipaddress.ip_address(host).is_loopback

    @property
    def base(self) -> str:
        """What links to the server begin with, without a slash at the end."""
        return self.url or f"http://{self.listen}"

    @model_validator(mode="after")
    def _is_sound(self) -> "TrackingSettings":
        if self.is_on and not self.is_loopback and not self.public:
            raise ValueError(
                f"expected public = true, because {self.listen} can be reached from other machines"
            )
        if self.scanner_within > self.store_every:
            raise ValueError("expected scanner_within of at most store_every")
        return self
