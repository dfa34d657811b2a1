"""One sink without a lab: no configuration, no store; an SMTP server for anybody's tests."""

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from affinity.read_toml import read
from lab.configuration import NoConfiguration
from lab.lifetime import first_of, until_told_to_stop
from mail.errors import UserError, Where
from mail.notation import split_endpoint
from sinks.fields import Table
from sinks.service import SinkService
from sinks.settings import Personality, SinkSettings
from world.chance import SeededChance
from world.clock import SystemClock

FOLDER: Final = Path("mtalab-sink")


class BadSink(UserError):
    """A sink cannot be made of these options."""


class _File(Table):
    """A file of personalities: tables as in mtalab.toml."""

    personality: dict[str, Personality] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoneSink:
    """What the command line asks for."""

    listen: str  # port 0: a free one
    name: str
    mx: str
    personality: str
    folder: Path
    size_limit: int


def personalities_in(file: Path) -> dict[str, Personality]:
    """The ``[personality.NAME]`` tables of a file, which holds nothing else.

    Raises:
        NoConfiguration: it cannot be read.
        BadConfiguration: it is not valid.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoConfiguration(
            f"the file of personalities {file} cannot be read: {error}",
            remedy="Name a readable UTF-8 text file with [personality.NAME] tables.",
        ) from error
    return read(text, file.name, _File).personality


async def run_lone_sink(
    wanted: LoneSink, personalities: dict[str, Personality], ready: Callable[[str], None]
) -> None:
    """Run it until told to stop, or until the parent process is gone.

    Args:
        wanted: what it is to be.
        personalities: known besides the built-in ones.
        ready: told ``address:port`` once it listens.

    Raises:
        BadSink: an option is not valid.
        UnknownPersonality, BadSinkName, ListenAddressUnusable, SinkFilesUnusable: as the service.
    """
    settings = _settings(wanted)
    service = SinkService(
        {wanted.name: settings}, personalities, wanted.folder, SystemClock(), SeededChance()
    )
    await service.start()
    try:
        host, port = service.addresses[wanted.name]
        ready(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        await first_of(until_told_to_stop(with_parent=True), asyncio.Event().wait())
    finally:
        await service.stop()


def _settings(wanted: LoneSink) -> SinkSettings:
    if not _is_endpoint(wanted.listen):
        raise BadSink(
            f"{wanted.listen!r} is no address:port",
            where=Where(key="--listen"),
            remedy="Say for example 127.0.0.1:2600; with port 0 a free one is taken.",
        )
    try:
        settings = SinkSettings(
            listen="127.0.0.1:1",
            mx=wanted.mx,
            personality=wanted.personality,
            size_limit=wanted.size_limit,
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise BadSink(
            str(first["msg"]), where=Where(key=option), remedy="See docs/sinks.md."
        ) from None
    # A configuration file may not say port 0, since routes must know where a sink is.
    return settings.model_copy(update={"listen": wanted.listen})


def _is_endpoint(text: str) -> bool:
    try:
        host, port = split_endpoint(text)
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return 0 <= port < 65536
