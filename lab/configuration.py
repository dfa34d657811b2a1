"""The whole ``mtalab.toml``: the sender's half, the sinks, and where the file was found."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pydantic import Field

from affinity.configuration import Configuration, RouteHost
from affinity.errors import BadConfiguration, Mistake
from affinity.key_path import dotted
from affinity.read_toml import from_environment, read
from affinity.toml_lines import lines_of
from lab.doors import doors
from lab.inmail_settings import InmailSettings
from lab.retention_settings import RetentionSettings
from lab.submission_settings import SubmissionSettings
from lab.web_settings import WebSettings
from lab.webhook_settings import WebhookSettings
from mail.errors import UserError
from mail.notation import split_endpoint
from sinks.catalogue import personality_named
from sinks.errors import PersonalityLoop, UnknownPersonality
from sinks.settings import Personality, SinkSettings
from tracking.readers.assigning import personas
from tracking.readers.errors import UnknownPersona
from tracking.readers.settings import Reader, ReadersSettings
from tracking.settings import TrackingSettings
from world.network import ForbiddenDestination, HostNetwork

FILE: Final = "mtalab.toml"
VARIABLE: Final = "MTALAB_CONFIG"


class NoConfiguration(UserError):
    """There is no configuration file, or it cannot be read."""


class LabConfiguration(Configuration):
    """Everything that the file may say."""

    sink: dict[str, SinkSettings] = Field(default_factory=dict)
    personality: dict[str, Personality] = Field(default_factory=dict)
    submission: SubmissionSettings = SubmissionSettings()
    inmail: InmailSettings = InmailSettings()
    tracking: TrackingSettings = TrackingSettings()
    web: WebSettings = WebSettings()
    retention: RetentionSettings = RetentionSettings()
    webhook: tuple[WebhookSettings, ...] = ()
    reader: dict[str, Reader] = Field(default_factory=dict)
    readers: ReadersSettings = ReadersSettings()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where it came from; paths are absolute."""

    configuration: LabConfiguration
    path: Path
    directory: Path  # of the lab's data
    text: str  # of the file, as it was read
    overrides: Mapping[str, str] = field(default_factory=dict)  # dotted key → text, from flags
    given: Mapping[str, str] = field(default_factory=dict)  # the same, and from the environment
    own_rules: str = ""  # text of the lab's own bounce rules; empty: it has none

    @property
    def store_url(self) -> str:
        given = self.configuration.lab.store
        return given if given is not None else f"sqlite:///{self.directory / 'lab.db'}"

    @property
    def own_rules_path(self) -> Path:
        """Where the lab's own bounce rules are, if it has any."""
        return self.path.parent / self.configuration.addresses.bounce_rules

    def endpoint_of(self, place: RouteHost) -> tuple[str, int] | None:
        """Address and port of a route's host, or None when it names a sink that does not exist."""
        if place.host is not None:
            return split_endpoint(place.host)
        sink = self.configuration.sink.get(place.sink or "")
        return None if sink is None else split_endpoint(sink.listen)


def load(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, str] | None = None
) -> Loaded:
    """Find, read and validate the configuration.

    Args:
        path: the file, from ``--config``; otherwise ``MTALAB_CONFIG``, otherwise ``mtalab.toml``
            in the working directory.
        environ: environment variables; ``MTALAB_LAB__STORE`` overrides ``store`` under ``[lab]``.
        overrides: dotted key → text, from flags; they win over the environment.

    Raises:
        NoConfiguration: there is no such file.
        BadConfiguration: it is not valid.
        BadRules: the lab's own bounce rules are not valid.
    """
    if path is None:
        path = Path(environ.get(VARIABLE) or FILE)
    path = path.absolute()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NoConfiguration(
            f"there is no configuration file {path}",
            remedy="`mtalab init` writes one here; --config or MTALAB_CONFIG names another.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise NoConfiguration(
            f"the configuration file {path} cannot be read: {error}",
            remedy="Make it a readable UTF-8 text file.",
        ) from error
    given = {**from_environment(environ), **(overrides or {})}
    return _loaded(path, text, overrides or {}, given)


def with_text(loaded: Loaded, text: str) -> Loaded:
    """The same lab with another text of its file.

    Raises:
        BadConfiguration, BadRules: as ``load``.
    """
    return _loaded(loaded.path, text, loaded.overrides, loaded.given)


def _loaded(
    path: Path, text: str, overrides: Mapping[str, str], given: Mapping[str, str]
) -> Loaded:
    configuration = configuration_from(text, path.name, given)
    directory = path.parent / configuration.lab.directory
    found = Loaded(configuration, path, directory, text, overrides, given)
    return replace(found, own_rules=_own_rules(found.own_rules_path))


def _own_rules(path: Path) -> str:
    """The text of a lab's own bounce rules, valid; empty if there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise NoConfiguration(
            f"the bounce rules {path} cannot be read: {error}",
            remedy="Make it a readable UTF-8 text file, or take it away.",
        ) from error
    from mta.classify import Classifier  # most labs have none

    Classifier.with_own(text, path.name)
    return text


def configuration_from(
    text: str, file: str, overrides: Mapping[str, str] | None = None
) -> LabConfiguration:
    """A configuration from its text; ``file`` is its name, for messages.

    Raises:
        BadConfiguration: it is not valid.
    """
    configuration = read(text, file, LabConfiguration, overrides or {})
    mistakes = [
        *_mistakes_of_ports(configuration, text, file),
        *_mistakes_of_webhooks(configuration, text, file),
    ]
    if mistakes:
        raise BadConfiguration(mistakes)
    return configuration


def _mistakes_of_ports(configuration: LabConfiguration, text: str, file: str) -> Iterator[Mistake]:
    """What would keep sinks, doors and readers from starting, whatever the machine is like."""
    lines = functools.cache(lambda: lines_of(text))
    listening: dict[str, str] = {}
    for door in doors(configuration):
        first = listening.setdefault(door.listen, door.who)
        if first != door.who:
            yield _taken(file, lines(), (door.key, "listen"), first)
    for name, settings in configuration.sink.items():
        try:
            found = personality_named(settings.personality, configuration.personality)
        except (UnknownPersonality, PersonalityLoop) as error:
            key = ("sink", name, "personality")
            yield Mistake(file, lines().get(key), ".".join(key), str(error).replace("\n", " "))
        else:
            if _writes_back(found) and not (settings.bounces_to or configuration.inmail.is_on):
                key = ("sink", name, "personality")
                what = (
                    f"expected bounces_to of the sink, or [inmail]: {settings.personality!r} "
                    "sends mail back, and there is nowhere to send it"
                )
                yield Mistake(file, lines().get(key), ".".join(key), what)
        first = listening.setdefault(settings.listen, f"sink {name!r}")
        if first != f"sink {name!r}":
            yield _taken(file, lines(), ("sink", name, "listen"), first)
    for name, reader in configuration.reader.items():
        try:
            personas({name: reader})
        except UnknownPersona as error:
            key = ("reader", name, "like")
            yield Mistake(file, lines().get(key), ".".join(key), error.what + ". " + error.remedy)


def _mistakes_of_webhooks(
    configuration: LabConfiguration, text: str, file: str
) -> Iterator[Mistake]:
    """Two of one name, and one that leads out of the networks that may be reached."""
    lines = functools.cache(lambda: lines_of(text))
    network = HostNetwork.allowing(configuration.lab.allow_networks)
    seen: set[str] = set()
    for index, settings in enumerate(configuration.webhook):
        if settings.name in seen:
            path = ("webhook", index, "name")
            what = f"expected a name of its own, but {settings.name!r} is repeated"
            yield Mistake(file, lines().get(path), dotted(path), what)
        seen.add(settings.name)
        try:
            network.admit(settings.target.address)
        except ForbiddenDestination as error:
            path = ("webhook", index, "url")
            yield Mistake(file, lines().get(path), dotted(path), str(error).replace("\n ", ";"))


def _writes_back(personality: Personality) -> bool:
    rules = (personality.bounce_later, personality.auto_reply, personality.complain)
    return any(each is not None for each in rules)


def _taken(
    file: str, lines: Mapping[tuple[str | int, ...], int], key: tuple[str, ...], first: str
) -> Mistake:
    what = f"expected an address of its own, but {first} listens on it too"
    return Mistake(file, lines.get(key), ".".join(key), what)
