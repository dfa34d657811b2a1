"""The configuration as values: what ``mtalab.toml`` may say, with every default in one place.

Each field's description is its documentation: ``docs/configuration.md`` is generated from here.
Sinks and personalities are not the sender's business: ``lab/configuration.py`` adds them.
"""

import ipaddress
import re
from collections import Counter
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from affinity.mask import valid_mask
from affinity.preset import Pacing, PresetName, with_preset
from mail import notation
from mail.address import canonical_domain

_ROUTE_NAME: Final = re.compile(r"[\w-]+")


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError("expected a network such as 10.0.0.0/8") from None


TlsMode = Literal["off", "opportunistic", "encrypted", "required"]
Seconds = Annotated[float, BeforeValidator(notation.seconds), Field(ge=0, allow_inf_nan=False)]
IpAddress = Annotated[str, AfterValidator(notation.ip_address)]
IpNetwork = Annotated[str, AfterValidator(_network)]
Endpoint = Annotated[str, AfterValidator(notation.endpoint)]
Mask = Annotated[str, AfterValidator(valid_mask)]
DomainName = Annotated[str, AfterValidator(canonical_domain)]


class Table(BaseModel):
    """A table of the file: unknown keys are refused, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class SourceIp(Table):
    """One address that messages may leave from."""

    address: IpAddress = Field(description="The local address that the connection is bound to.")
    helo: str = Field(
        default="",
        pattern=r"^[!-~]*$",  # it is written into a command
        description="The name said in EHLO; empty: the address literal.",
    )
    weight: float = Field(
        default=1,
        ge=0,
        allow_inf_nan=False,
        description="Its share relative to the other IPs; 0 takes it out.",
    )
    include: tuple[Mask, ...] = Field(
        default=(), description="Recipient domains it may send to; empty: all."
    )
    exclude: tuple[Mask, ...] = Field(
        default=(), description="Domains it may not send to; asked after include."
    )
    public_address: IpAddress | None = Field(
        default=None, description="The address that receivers see in production; for you to read."
    )
    public_id: int | None = Field(
        default=None, description="The number of its public address, for MX rules and logs."
    )


class Affinity(Table):
    """A named set of source IPs; a delivery names one."""

    ip: tuple[SourceIp, ...] = Field(min_length=1, description="Its source IPs.")

    @field_validator("ip")
    @classmethod
    def _each_address_once(cls, ips: tuple[SourceIp, ...]) -> tuple[SourceIp, ...]:
        twice = [
            address for address, times in Counter(ip.address for ip in ips).items() if times > 1
        ]
        if twice:
            raise ValueError(f"expected each address once, but {' and '.join(twice)} is repeated")
        return ips


class MtaInstance(Table):
    """One configured sender, ``mta@NAME``: its affinities and its worker processes."""

    affinities: tuple[str, ...] = Field(min_length=1, description="Affinities that it serves.")
    workers: int = Field(default=1, ge=1, le=64, description="Worker processes.")
    heartbeat: Seconds = Field(default=1.0, gt=0, description="How often a worker says it lives.")
    connections: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="Connections per lane and worker where no MX rule limits them.",
    )


class MxRule(Table):
    """Limits and timeouts towards the MX hosts or domains that a mask names.

    Every rule that matches a lane counts; of each limit the tightest value wins.
    """

    mask: Mask = Field(description="MX host name or recipient domain, with * and ?.")
    max_connections: int | None = Field(
        default=None, ge=1, description="Connections at once per lane; none: unlimited."
    )
    max_messages_per_connection: int | None = Field(
        default=None, ge=1, description="Messages before a connection is closed and made anew."
    )
    messages_per_hour: int | None = Field(
        default=None, ge=1, description="Messages in any hour per lane; attempts count."
    )
    burst: int | None = Field(
        default=None,
        ge=1,
        description="Messages that may go back to back; by default one second's worth.",
    )
    pacing: Pacing | None = Field(
        default=None,
        description="How the hour's messages go: even, or in slots of five minutes, in each as "
        "fast as they can; none: even where a burst is set, else as the preset says.",
    )
    shared: bool = Field(
        default=False, description="The limits hold for all source IPs together, not for each."
    )
    tls: TlsMode = Field(
        default="opportunistic",
        description="STARTTLS: off; opportunistic, where it is offered; encrypted, or nothing is "
        "sent, with any certificate; required, with a valid one that bears the MX host's name.",
    )
    connect_timeout: Seconds = Field(default=10.0, gt=0, description="Until TCP is connected.")
    greeting_timeout: Seconds = Field(
        default=60.0, gt=0, description="For the greeting and each reply to a command."
    )
    data_timeout: Seconds = Field(
        default=240.0, gt=0, description="For the reply to the end of data."
    )

    @model_validator(mode="after")
    def _burst_is_within_the_limit(self) -> "MxRule":
        if self.burst is not None and self.burst > (self.messages_per_hour or self.burst):
            raise ValueError(
                f"expected a burst of at most messages_per_hour = {self.messages_per_hour}, "
                f"got {self.burst}"
            )
        if self.burst is not None and self.pacing == "slots":
            raise ValueError("expected no burst where pacing is slots: a slot goes at once")
        return self


class RouteHost(Table):
    """One host of a route that has several, as an MX record names it."""

    host: Endpoint | None = Field(default=None, description="address:port of an SMTP server.")
    sink: str | None = Field(default=None, description="Or the name of a sink of this file.")
    preference: int = Field(
        default=10, ge=0, le=65535, description="The lowest is tried first; equal ones by chance."
    )
    mx: DomainName | None = Field(
        default=None, description="Its name, for MX rules and its certificate; empty: the route's."
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> "RouteHost":
        if (self.host is None) == (self.sink is None):
            raise ValueError("expected either a host or a sink")
        return self


class Login(Table):
    """Who we are to a server that wants AUTH; said over TLS only, except to this machine."""

    user: str = Field(min_length=1, description="The name to log in with.")
    password_file: str | None = Field(
        default=None, description="File whose first line is the password, beside this file."
    )
    password_env: str | None = Field(
        default=None, description="Or the environment variable that holds it."
    )

    @model_validator(mode="after")
    def _has_one_password(self) -> "Login":
        if (self.password_file is None) == (self.password_env is None):
            raise ValueError("expected either a password_file or a password_env")
        return self


class Route(Table):
    """Where the mail of some domains goes: the stand-in for DNS. Its name is the MX group.

    It leads to one ``host``, to one ``sink``, or to several ``hosts``.
    """

    domains: tuple[Mask, ...] = Field(min_length=1, description="Recipient domains, with * and ?.")
    host: Endpoint | None = Field(default=None, description="address:port of an SMTP server.")
    sink: str | None = Field(default=None, description="Or the name of a sink of this file.")
    hosts: tuple[RouteHost, ...] = Field(default=(), description="Or several, by preference.")
    mx: DomainName | None = Field(
        default=None,
        description="The MX host's name, for MX rules and its certificate; empty: mx.NAME.test.",
    )
    tls_ca: str | None = Field(
        default=None,
        description="PEM file, beside this file, of the authorities trusted where tls is required; "
        "empty: those of this machine.",
    )
    auth: Login | None = Field(default=None, description="Login for these hosts.")

    @model_validator(mode="after")
    def _leads_to_one_place(self) -> "Route":
        given = sum((self.host is not None, self.sink is not None, bool(self.hosts)))
        if given == 0:
            raise ValueError("expected a host or a sink that the mail goes to")
        if given > 1:
            raise ValueError("expected one of host, sink and hosts, got several")
        return self

    @property
    def places(self) -> tuple[RouteHost, ...]:
        """Its hosts, the one host or sink of a plain route among them."""
        return self.hosts or (RouteHost(host=self.host, sink=self.sink),)


class DkimKey(Table):
    """A key that signs mail of a domain and of the domains below it."""

    domain: DomainName = Field(description="The domain that signs: that of From, or one above it.")
    selector: str = Field(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
        description="Its DNS record is SELECTOR._domainkey.DOMAIN.",
    )
    key_file: str = Field(description="PEM file of an RSA or Ed25519 key, beside this file.")


class Retry(Table):
    """When a deferred message is tried again.

    By default twice in the first hour and then every few hours, as RFC 5321, 4.5.4.1 advises; the
    first retry comes when most greylists let it pass.
    """

    delays: tuple[Seconds, ...] = Field(
        default=(300.0, 1800.0, 3600.0, 7200.0, 10800.0),
        min_length=1,
        description="Wait before each retry; the last one repeats until the validity ends.",
    )
    jitter: float = Field(
        default=0.1, ge=0, le=1, description="Each wait is lengthened by up to this share of it."
    )


class Pace(Table):
    """How the scheduler works; the defaults fit a laptop."""

    lease: Seconds = Field(default=15.0, gt=0, description="How long a part is lent unrenewed.")
    round: Seconds = Field(default=0.05, gt=0, description="Pause between two idle rounds.")
    lane_window: int = Field(
        default=2000, ge=1, description="Messages in hand per worker and lane, at most."
    )
    hold: Seconds = Field(
        default=60.0, gt=0, description="A part is given back when it was held this long."
    )
    part_min: int = Field(default=8, ge=1, description="Smallest part of a large delivery.")
    part_max: int = Field(default=256, ge=1, description="Largest part.")
    max_deliveries: int | None = Field(
        default=None,
        ge=1,
        description="Deliveries in progress at once, at most; the others stay start pending, the "
        "oldest contact date goes first. One that only waits, for retries or its next wave, does "
        "not count. None: no limit.",
    )


class Breaker(Table):
    """Shuts a lane for a while when nearly all that is tried there fails.

    It counts every attempt of the last hour, by whole minutes: refused, deferred or unreachable is
    an error, greylisting too. The lane opens by itself, or by ``mtalab lane resume``.
    """

    enabled: bool = Field(
        default=False,
        description="Whether it shuts lanes. Off, as a lab is often there to see refusals.",
    )
    errors: float = Field(
        default=0.9, gt=0, le=1, description="It shuts a lane of whose attempts this share failed."
    )
    messages: int = Field(default=300, ge=1, description="After so many attempts, not before.")
    shut: Seconds = Field(default=3 * 3600.0, gt=0, description="For so long; the default is 3 h.")


class Warmup(Table):
    """Warms up a source IP: what it may send to some MX hosts or domains on each day of a plan.

    A day is a UTC calendar day. Attempts count. What is over goes by the other IPs of the affinity,
    or waits for the next day; after the plan's last day nothing is held back. Of several plans
    that match, the tightest holds.
    """

    ip: IpAddress = Field(description="The source IP.")
    mx: Mask = Field(default="*", description="MX host name or recipient domain, with * and ?.")
    plan: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1,
        description="Messages on the first day, on the second, and so on; never fewer than the "
        "day before. To each MX group as many.",
    )
    begins: date = Field(
        description="The plan's first day, such as 2026-12-01; the IP sends nothing there before."
    )

    @field_validator("plan")
    @classmethod
    def _never_falls(cls, plan: tuple[int, ...]) -> tuple[int, ...]:
        # Messages in hand at midnight were lent from the day before: they must fit in the new one.
        if list(plan) != sorted(plan):
            raise ValueError("expected a plan in which no day has fewer messages than one before")
        return plan


class AddressRules(Table):
    """When an address that fails is not sent to any more, and when its errors are forgotten.

    A hard error quarantines at once. The defaults are what the modelled system documents; where
    its pages disagree, decision 35 says which one is followed.
    """

    max_errors: int = Field(
        default=5,
        ge=0,
        description="Soft errors that an address may have; one more quarantines it.",
    )
    significant_gap: Seconds = Field(
        default=86400.0,
        description="A soft error counts if the one counted before is as old; the default is 1 d.",
    )
    reset_after: Seconds = Field(
        default=10 * 86400.0,
        description="Errors are forgotten when none was counted for longer; the default is 10 d.",
    )
    mailbox_full_after: Seconds = Field(
        default=30 * 86400.0,
        description="So long an address stays with_errors if its mailbox was full; the default is "
        "30 d.",
    )
    success_releases: bool = Field(
        default=True,
        description="Whether errors are forgotten when a message is accepted for the address.",
    )
    bounce_rules: str = Field(
        default="bounce_rules.toml",
        description="File of this lab's own bounce rules, beside this file; they are asked before "
        "those that come with the program. There need be none.",
    )


class LabSettings(Table):
    """The lab as a whole."""

    name: str = Field(default="lab", pattern=r"^[a-z0-9][a-z0-9-]*$", description="Its name.")
    directory: str = Field(default=".mtalab", description="Folder of its data, beside the file.")
    store: str | None = Field(
        default=None,
        description="Database URL; by default SQLite in the directory. "
        "postgresql+psycopg://user@host/name for PostgreSQL.",
    )
    durability: Literal["off", "normal", "full"] = Field(
        default="normal",
        description="How much of what was committed a power cut may take back; a killed process "
        "loses nothing at any level. SQLite: off, the file may be damaged; normal, the last "
        "commits; full, nothing. PostgreSQL: off, the last commits; normal, what its server is "
        "set up for; full, nothing.",
    )
    domain: DomainName = Field(
        default="mtalab.test", description="Domain of return paths and Message-IDs."
    )
    log: Literal["text", "json"] = Field(
        default="text",
        description="What `mtalab up` and its processes write: text for people, or a JSON object "
        "a line for programs.",
    )
    allow_networks: tuple[IpNetwork, ...] = Field(
        default=(), description="Networks beyond loopback that may be connected to."
    )


class Configuration(Table):
    """The sender's half of ``mtalab.toml``."""

    preset: PresetName = Field(
        default="mtalab",
        description="The numbers where this file has none: mtalab, or campaign for those of the "
        "modelled system (see Presets).",
    )
    lab: LabSettings = LabSettings()
    mta: dict[str, MtaInstance] = Field(default_factory=dict)
    affinity: dict[str, Affinity] = Field(default_factory=dict)
    mx_rule: tuple[MxRule, ...] = ()
    route: dict[str, Route] = Field(default_factory=dict)
    dkim: tuple[DkimKey, ...] = ()
    retry: Retry = Retry()
    validity: Seconds = Field(
        default=5 * 86400.0, gt=0, description="How long a message may try; the default is 5 d."
    )
    scheduler: Pace = Pace()
    breaker: Breaker = Breaker()
    addresses: AddressRules = AddressRules()
    warmup: tuple[Warmup, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_preset(cls, values: Any) -> Any:
        return with_preset(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _heartbeats_fit_the_lease(self) -> "Configuration":
        for name, instance in self.mta.items():
            if instance.heartbeat > self.scheduler.lease / 3:
                raise ValueError(
                    f"expected mta.{name}.heartbeat of at most a third of scheduler.lease = "
                    f"{self.scheduler.lease:g} s, got {instance.heartbeat:g} s: between two "
                    "heartbeats the worker would be taken for dead"
                )
        return self

    @field_validator("route")
    @classmethod
    def _routes_are_not_named_like_domains(cls, routes: dict[str, Route]) -> dict[str, Route]:
        # A domain without a route is an MX group of its own name, and lanes are named after both.
        odd = [name for name in routes if _ROUTE_NAME.fullmatch(name) is None]
        if odd:
            raise ValueError(f"expected names of letters, digits, - and _, got {', '.join(odd)}")
        return routes
