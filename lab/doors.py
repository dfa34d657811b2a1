"""The doors of a lab besides its sinks: servers that a configuration can have or leave out."""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from lab import inmail_settings, submission_settings, web_settings
from tracking import settings as tracking_settings

KEYS: Final = ("submission", "inmail", "tracking", "web")  # tables of the file, and commands


class Door(NamedTuple):
    """One that is there; ``key`` is its table in the file, its command and its module's name."""

    key: str
    who: str  # in words about it
    listen: str  # address:port


class HasDoors(Protocol):
    """A configuration, as far as its doors are concerned."""

    @property
    def submission(self) -> submission_settings.SubmissionSettings: ...

    @property
    def inmail(self) -> inmail_settings.InmailSettings: ...

    @property
    def tracking(self) -> tracking_settings.TrackingSettings: ...

    @property
    def web(self) -> web_settings.WebSettings: ...


def doors(configuration: HasDoors) -> Iterator[Door]:
    """Those that this configuration has."""
    for key, who, settings in (
        ("submission", submission_settings.WHO, configuration.submission),
        ("inmail", inmail_settings.WHO, configuration.inmail),
        ("tracking", tracking_settings.WHO, configuration.tracking),
        ("web", web_settings.WHO, configuration.web),
    ):
        if settings.is_on:
            yield Door(key, who, settings.listen)
